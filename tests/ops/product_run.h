// Running a product the way the tests of every dtype do: scratch up to a guard page, results over
// values that no product gives.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
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

/// Requires that `rows` stacked rows with a residual, in buffers that end at guard pages, give the
/// bits of result() with the residual added, and again where `a` is the last columns of a wider
/// matrix of NaN. For products without an activation.
inline void check_guarded(const Product& product, const std::vector<float>& a,
                          const std::vector<float>& residual, std::int64_t rows) {
  const std::int64_t in = product.in_features(), out = product.out_features();
  const std::int64_t wide_cols = in + 9;
  std::vector<float> expected = result(product, a, rows);
  for (std::size_t i = 0; i < expected.size(); ++i) expected[i] += residual[i];
  GuardedFloats guarded_a(a), guarded_residual(residual);
  GuardedFloats wide(std::vector<float>(static_cast<std::size_t>(rows * wide_cols), NAN));
  for (std::int64_t i = 0; i < rows; ++i) {
    std::copy_n(&a[i * in], in, wide.data() + i * wide_cols + wide_cols - in);
  }
  for (const Tensor& input : {Tensor{guarded_a.data(), rows, in, in},
                              Tensor{wide.data() + wide_cols - in, rows, in, wide_cols}}) {
    GuardedFloats c(expected.size());
    run(product, input, {c.data(), rows, out, out}, {guarded_residual.data(), rows, out, out});
    REQUIRE(same_bits(c.data(), expected.data(), expected.size()));
  }
}

/// Requires that every number of rows, from the beginning, the middle and the end of `rows` random
/// ones, gives the bits that all of them give at once.
inline void check_rows_apart(const Product& product, std::int64_t rows) {
  const std::int64_t in = product.in_features(), out = product.out_features();
  const auto a = random_floats(static_cast<std::size_t>(rows * in), 2);
  const std::vector<float> all = result(product, a, rows);
  for (std::int64_t count = 1; count <= rows; ++count) {
    for (std::int64_t first : {std::int64_t{0}, rows - count, (rows - count) / 2}) {
      const std::vector<float> some(a.begin() + first * in, a.begin() + (first + count) * in);
      const std::vector<float> c = result(product, some, count);
      REQUIRE_MESSAGE(same_bits(c.data(), all.data() + first * out, c.size()), count, " rows at ",
                      first);
    }
  }
}

/// Requires that every cut of the columns gives the bits that all of them give at once, and writes
/// nothing else.
inline void check_columns_apart(const Product& product, std::int64_t rows) {
  const std::int64_t in = product.in_features(), out = product.out_features();
  const std::int64_t grain = product.column_grain();
  REQUIRE(grain > 0);
  const auto a = random_floats(static_cast<std::size_t>(rows * in), 2);
  const std::vector<float> all = result(product, a, rows);
  for (std::int64_t first = 0; first < out; first += grain) {
    for (std::int64_t last = first + grain;; last += grain) {
      const std::int64_t end = std::min(last, out);
      std::vector<float> c(all.size(), kUntouched);
      run(product, {const_cast<float*>(a.data()), rows, in, in}, {c.data(), rows, out, out}, {},
          {first, end});
      for (std::int64_t i = 0; i < rows; ++i) {
        for (std::int64_t j = 0; j < out; ++j) {
          REQUIRE(c[i * out + j] == (j >= first && j < end ? all[i * out + j] : kUntouched));
        }
      }
      if (last >= out) break;
    }
  }
}

}  // namespace weft::test
