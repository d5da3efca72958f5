// How texts are cut at a length limit: how two texts share it, and the windows of a longer text.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "weft/tokenizer.h"

namespace weft {

/// Tokens that are kept of two texts of `first` and `second` tokens so that at most `limit` remain:
/// the reference's longest_first. Where both must shrink, the longer one gets the odd token, the
/// second when they are equal.
inline std::pair<std::int64_t, std::int64_t> longest_first(std::int64_t first, std::int64_t second,
                                                           std::int64_t limit) {
  if (first + second <= limit) return {first, second};
  std::int64_t shorter = std::min(first, second);
  std::int64_t longer = shorter > limit ? shorter : std::max(shorter, limit - shorter);
  if (shorter + longer > limit) {
    shorter = limit / 2;
    longer = shorter + limit % 2;
  }
  if (first > second) return {longer, shorter};
  return {shorter, longer};
}

/// What is kept of one text.
/// Throws Error(kInvalidArgument) when only_second has no second text to cut.
std::int64_t share_limit(std::int64_t tokens, std::int64_t limit, TruncationStrategy strategy);
/// What is kept of two. Throws Error(kInvalidArgument) when the text that alone may be cut is too
/// short for that.
std::pair<std::int64_t, std::int64_t> share_limit(std::int64_t first, std::int64_t second,
                                                  std::int64_t limit, TruncationStrategy strategy);

/// Half-open range of a text's tokens.
struct Window {
  std::int64_t begin, end;
};
/// What is kept, then windows over the rest, each `size` tokens long but the last, each with
/// `stride` tokens of the one before. Throws Error(kInvalidArgument) if stride >= size.
std::vector<Window> cut_windows(std::int64_t tokens, std::int64_t size, std::int64_t stride,
                                TruncationSide side);

}  // namespace weft
