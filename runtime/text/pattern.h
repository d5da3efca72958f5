// What Split and Replace look for: {"String": ...}, or {"Regex": ...} for the expressions that have
// a matcher of their own here. There is no general engine: none may backtrack over a user's text.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "runtime/text/characters.h"
#include "runtime/text/json_field.h"

namespace weft {

class Pattern {
 public:
  virtual ~Pattern();
  /// The first match in text[range], valid UTF-8; never empty, but {range.end, range.end} if there
  /// is none. Characters outside the range are not looked at.
  virtual Span find(std::string_view text, Span range) const = 0;
  /// The ASCII character that is all it matches, if there is one.
  virtual std::optional<char> only_match() const { return std::nullopt; }
};

/// Throws Error(kUnsupported) naming an expression without a matcher.
std::unique_ptr<Pattern> read_pattern(const JsonField& field);

}  // namespace weft
