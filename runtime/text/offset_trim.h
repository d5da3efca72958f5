// Trimming of spaces from the offsets of tokens, which byte-level post-processors ask for
// ("trim_offsets" of ByteLevel and RobertaProcessing).
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

#include "runtime/text/characters.h"

namespace weft {

/// Characters at the ends of a token's own text that are white space or a byte-level space.
struct TokenSpaces {
  std::int32_t leading, trailing;
};
TokenSpaces count_spaces(std::string_view token);

/// One leading space of the first token may be the one that was put before the text, which then has
/// no place in it.
enum class FirstSpace : std::uint8_t {
  kTrim,
  kKeep,  // "add_prefix_space"
};

/// `range`, bytes of `text`, without as many characters as the token has spaces, as far as the
/// range goes.
Span trim_offsets(std::string_view text, Span range, TokenSpaces spaces, FirstSpace rule,
                  bool first);

}  // namespace weft
