// Naive double-precision references. They share no code with what they check.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

namespace weft::test {

using Matrix = std::vector<std::vector<double>>;

/// n floats from a normal distribution, reproducible from the seed.
inline std::vector<float> random_floats(std::size_t n, std::uint32_t seed, float scale = 1) {
  std::mt19937 engine(seed);
  std::normal_distribution<float> normal(0, scale);
  std::vector<float> values(n);
  for (float& value : values) value = normal(engine);
  return values;
}

/// exp(x - max) / sum; an all -infinity row gives zeros.
inline std::vector<double> softmax(const std::vector<double>& x) {
  std::vector<double> y(x.size(), 0.0);
  if (x.empty()) return y;
  const double largest = *std::max_element(x.begin(), x.end());
  if (largest == -INFINITY) return y;
  double sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) sum += y[i] = std::exp(x[i] - largest);
  for (double& value : y) value /= sum;
  return y;
}

inline double gelu(double x) { return 0.5 * x * std::erfc(-x / std::sqrt(2.0)); }
inline double gelu_tanh(double x) {
  return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
}

inline std::vector<double> layer_norm(const std::vector<double>& x,
                                      const std::vector<double>& gamma,
                                      const std::vector<double>& beta, double eps) {
  double mean = 0, variance = 0;
  for (double value : x) mean += value / static_cast<double>(x.size());
  for (double value : x)
    variance += (value - mean) * (value - mean) / static_cast<double>(x.size());
  std::vector<double> y(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    y[i] = (x[i] - mean) / std::sqrt(variance + eps) * gamma[i] + (beta.empty() ? 0 : beta[i]);
  }
  return y;
}

}  // namespace weft::test
