#include "runtime/scores.h"

#include <algorithm>
#include <numeric>

namespace weft {

std::vector<double> softmax(std::span<const float> logits) {
  std::vector<double> result(logits.begin(), logits.end());
  if (result.empty()) return result;
  const double peak = *std::max_element(result.begin(), result.end());
  double sum = 0;
  for (double& value : result) sum += value = std::exp(value - peak);
  for (double& value : result) value /= sum;
  return result;
}

std::vector<std::int64_t> largest(std::span<const float> values, std::int64_t count) {
  std::vector<std::int64_t> order(values.size());
  std::iota(order.begin(), order.end(), std::int64_t{0});
  const auto size = static_cast<std::int64_t>(order.size());
  const std::int64_t kept = count <= 0 ? size : std::min(count, size);
  // A strict order even with NaN among the values.
  const auto before = [&](std::int64_t a, std::int64_t b) {
    const float x = values[static_cast<std::size_t>(a)], y = values[static_cast<std::size_t>(b)];
    if (std::isnan(x) != std::isnan(y)) return std::isnan(y);
    return x != y && !std::isnan(x) ? x > y : a < b;
  };
  std::partial_sort(order.begin(), order.begin() + kept, order.end(), before);
  order.resize(static_cast<std::size_t>(kept));
  return order;
}

}  // namespace weft
