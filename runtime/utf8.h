// UTF-8, one character at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace weft {

/// Length of the well-formed character at the begin of `text`: 1 to 4, or 0 when there is none
/// (Unicode, table 3-7: no overlong forms, no surrogates, nothing above U+10FFFF).
std::size_t utf8_length(std::string_view text) noexcept;
bool is_utf8(std::string_view text) noexcept;
/// Of well-formed text.
std::int64_t count_code_points(std::string_view text) noexcept;

void append_utf8(std::uint32_t code_point, std::string& out);

/// `text` between double quotes for a one-line message: control characters and malformed bytes
/// visible, cut to about `max_bytes`.
std::string in_quotes(std::string_view text, std::size_t max_bytes = 120);

}  // namespace weft
