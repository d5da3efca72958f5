// Matchers of the regular expressions that cut text into words for byte-level vocabularies.
#pragma once

#include <cstdint>
#include <string_view>

namespace weft {

/// The end of the match that begins at `at` < end, or `at` if none begins there.
using MatchAt = std::int32_t (*)(std::string_view text, std::int32_t at, std::int32_t end);

/// The matcher of an expression, null if it has none.
MatchAt find_word_pattern(std::string_view expression);

/// Whether it matches at white space only.
bool begins_with_space(MatchAt match);

/// GPT-2's expression, which matches at every place.
std::int32_t match_gpt2(std::string_view text, std::int32_t at, std::int32_t end);

}  // namespace weft
