// Results of classify, rank, tag and fill: a table for people, JSON lines for programs.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace weft::cli {

/// JSON has no NaN: throws Error(kInvalidArgument) "text 3: score: expected a finite number ...".
float require_finite(float value, std::string_view what, std::int64_t text);

/// A text on one line of a table, cut to about 70 characters.
std::string shortened(std::string_view text);

/// Bytes [begin, end) of the text; empty if it has none such.
std::string_view bytes_of(std::string_view text, std::int32_t begin, std::int32_t end);

}  // namespace weft::cli
