// Weights, inputs and the naive double reference that the product, linear and matmul tests share.
#pragma once

#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "ops/gemm/product.h"
#include "tests/guarded_buffer.h"
#include "tests/reference.h"

namespace weft::test {

using GuardedFloats = GuardedBuffer<float>;

inline double activate(Activation activation, double x) {
  switch (activation) {
    case Activation::kNone: return x;
    case Activation::kGelu: return gelu(x);
    case Activation::kGeluTanh: return gelu_tanh(x);
    case Activation::kRelu: return x > 0 ? x : 0;
    case Activation::kSilu: return x / (1 + std::exp(-x));
    case Activation::kTanh: return std::tanh(x);
    case Activation::kSigmoid: return 1 / (1 + std::exp(-x));
  }
  return NAN;
}

/// Parts of `sizes` output features each, with biases on every other part if there are several.
struct Layer {
  std::int64_t in_features;
  std::vector<std::int64_t> sizes;
  std::vector<std::vector<float>> weights, biases;

  Layer(std::int64_t in, std::vector<std::int64_t> out, std::uint32_t seed)
      : in_features(in), sizes(std::move(out)) {
    const float scale = 1 / std::sqrt(static_cast<float>(in));
    for (std::uint32_t i = 0; i < sizes.size(); ++i) {
      weights.push_back(
          random_floats(static_cast<std::size_t>(sizes[i] * in), seed + 2 * i, scale));
      biases.push_back(i % 2 == 0
                           ? random_floats(static_cast<std::size_t>(sizes[i]), seed + 2 * i + 1)
                           : std::vector<float>());
    }
  }

  std::vector<ProductPart> parts() const {
    std::vector<ProductPart> result;
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      const std::string name = "part" + std::to_string(i);
      ProductPart part{Weight::from_memory(name, {sizes[i], in_features}, weights[i].data()), {}};
      if (!biases[i].empty()) {
        part.bias = Weight::from_memory(name + ".bias", {sizes[i]}, biases[i].data());
      }
      result.push_back(part);
    }
    return result;
  }

  std::int64_t out_features() const {
    std::int64_t sum = 0;
    for (std::int64_t size : sizes) sum += size;
    return sum;
  }

  /// One row in double, and in `bound` the error that f32 sums of this length may have before the
  /// activation: gamma_n = n eps / (1 - n eps) on the sum of magnitudes (Higham 2002, 3.1).
  std::vector<double> row(const float* a, Activation activation, std::vector<double>* bound) const {
    std::vector<double> result;
    bound->clear();
    for (std::size_t p = 0; p < sizes.size(); ++p) {
      for (std::int64_t j = 0; j < sizes[p]; ++j) {
        double sum = biases[p].empty() ? 0 : biases[p][j];
        double magnitude = std::abs(sum);
        for (std::int64_t k = 0; k < in_features; ++k) {
          const double term = double{a[k]} * double{weights[p][j * in_features + k]};
          sum += term;
          magnitude += std::abs(term);
        }
        result.push_back(activate(activation, sum));
        bound->push_back(magnitude * static_cast<double>(in_features + 2) * 1.2e-7);
      }
    }
    return result;
  }
};

/// True if both hold the same bits.
inline bool same_bits(const float* a, const float* b, std::size_t n) {
  return std::memcmp(a, b, n * sizeof(float)) == 0;
}

}  // namespace weft::test
