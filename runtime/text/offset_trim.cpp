#include "runtime/text/offset_trim.h"

#include <algorithm>

#include "runtime/text/byte_level.h"
#include "runtime/text/unicode.h"

namespace weft {
namespace {

bool is_continuation(std::string_view text, std::int32_t at) {
  return (text[static_cast<std::size_t>(at)] & 0xC0) == 0x80;
}

}  // namespace

TokenSpaces count_spaces(std::string_view token) {
  TokenSpaces spaces{0, 0};
  bool only_spaces = true;
  for (std::size_t at = 0; at < token.size();) {
    const Decoded next = decode_valid(token.data() + at);
    at += static_cast<std::size_t>(next.length);
    if (next.code == kByteLevelSpace || unicode::has(next.code, unicode::kWhiteSpace)) {
      if (only_spaces) ++spaces.leading;
      ++spaces.trailing;
    } else {
      only_spaces = false;
      spaces.trailing = 0;
    }
  }
  return spaces;
}

Span trim_offsets(std::string_view text, Span range, TokenSpaces spaces, FirstSpace rule,
                  bool first) {
  if (first && rule == FirstSpace::kKeep && spaces.leading == 1) spaces.leading = 0;
  for (; spaces.leading > 0 && range.begin < range.end; --spaces.leading) {
    do {
      ++range.begin;
    } while (range.begin < range.end && is_continuation(text, range.begin));
  }
  // As in the reference, nothing is trimmed where the text before the end is shorter than that.
  std::int32_t end = range.end;
  for (; spaces.trailing > 0 && end > 0; --spaces.trailing) {
    do {
      --end;
    } while (is_continuation(text, end));
  }
  if (spaces.trailing == 0) range.end = std::max(end, range.begin);
  return range;
}

}  // namespace weft
