// How two texts share a length limit.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

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

}  // namespace weft
