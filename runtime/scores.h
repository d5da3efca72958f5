// From logits to probabilities and rankings.
#pragma once

#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

namespace weft {

/// exp(x) / sum exp(x), in double. NaN if a logit is.
std::vector<double> softmax(std::span<const float> logits);
inline double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
/// Indices of the `count` largest values (0: all), largest first, equal ones by index, NaN last.
std::vector<std::int64_t> largest(std::span<const float> values, std::int64_t count);

}  // namespace weft
