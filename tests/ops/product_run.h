// Running a product the way the tests of every dtype do: scratch up to a guard page, results over
// values that no product gives.
#pragma once

#include <vector>

#include "tests/ops/product_case.h"

namespace weft::test {

inline constexpr Activation kActivations[] = {
    Activation::kNone, Activation::kGelu, Activation::kGeluTanh, Activation::kRelu,
    Activation::kSilu, Activation::kTanh, Activation::kSigmoid};
inline constexpr float kUntouched = 12345.0f;

struct Cut {
  std::int64_t first_col = 0;
  std::int64_t last_col = -1;  // -1: all
};

inline void run(const Product& product, Tensor a, Tensor c, Tensor residual = {}, Cut cut = {}) {
  constexpr std::size_t kAlignment = 64;
  const std::size_t bytes = product.scratch_bytes(a.rows);
  GuardedBuffer<std::byte> scratch((bytes + kAlignment - 1) / kAlignment * kAlignment);
  product.run({.a = a,
               .c = c,
               .residual = residual,
               .first_col = cut.first_col,
               .last_col = cut.last_col < 0 ? product.out_features() : cut.last_col,
               .scratch = scratch.data()});
}

/// All columns of `rows` stacked rows, without a residual.
inline std::vector<float> result(const Product& product, const std::vector<float>& a,
                                 std::int64_t rows) {
  std::vector<float> c(static_cast<std::size_t>(rows * product.out_features()), kUntouched);
  run(product, {const_cast<float*>(a.data()), rows, product.in_features(), product.in_features()},
      {c.data(), rows, product.out_features(), product.out_features()});
  return c;
}

}  // namespace weft::test
