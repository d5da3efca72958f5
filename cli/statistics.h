// Order statistics of measured times.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace weft::cli {

/// The value below which this share (0 to 1) of the sorted values lies. `sorted` is not empty.
template <typename Value>
Value quantile(const std::vector<Value>& sorted, double share) {
  return sorted[static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1))];
}

template <typename Value>
std::vector<Value> sorted(std::vector<Value> values) {
  std::sort(values.begin(), values.end());
  return values;
}

}  // namespace weft::cli
