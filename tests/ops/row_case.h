// Rows for the row kernels: every length around one and two vectors, at the edge of mapped memory.
#pragma once

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <limits>
#include <vector>

#include "ops/simd/kernels.h"
#include "tests/guarded_buffer.h"
#include "tests/isa_under_test.h"

namespace weft::test {

inline constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
inline constexpr float kInf = std::numeric_limits<float>::infinity();

inline const simd::Kernels& kernels_under_test() { return *simd::kernels(isa_under_test()); }

/// 0 .. 2 vectors of 16 + 3, then lengths of real models and around the unrolled loops.
inline std::vector<std::int64_t> row_lengths() {
  std::vector<std::int64_t> lengths;
  for (std::int64_t n = 0; n <= 35; ++n) lengths.push_back(n);
  for (std::int64_t n : {47, 63, 64, 65, 79, 127, 128, 129, 384, 385, 767, 768, 3072, 4099}) {
    lengths.push_back(n);
  }
  return lengths;
}

/// What a row kernel does: y = f(x), n elements.
using RowFunction = std::function<void(const float* x, float* y, std::int64_t n)>;

/// The result of `function` on a row that ends, then one that begins, at a page without access,
/// into an output row likewise, then in place. Checks that all are the same bits.
inline std::vector<float> run_guarded(const RowFunction& function, const std::vector<float>& x) {
  const auto n = static_cast<std::int64_t>(x.size());
  std::vector<float> first;
  for (Guard guard : {Guard::kAfter, Guard::kBefore}) {
    const GuardedBuffer<float> in(x, guard);
    GuardedBuffer<float> out(x.size(), guard);
    function(in.data(), out.data(), n);
    const std::vector<float> result(out.data(), out.data() + n);
    function(in.data(), const_cast<float*>(in.data()), n);
    if (first.empty()) first = result;
    if (n == 0) continue;
    CHECK(std::memcmp(first.data(), result.data(), x.size() * 4) == 0);
    CHECK(std::memcmp(first.data(), in.data(), x.size() * 4) == 0);
  }
  return first;
}

/// The largest |found - expected| / (|expected| + floor); NaN must meet NaN, infinity infinity.
inline double worst_error(const std::vector<float>& found, const std::vector<double>& expected,
                          double floor) {
  double worst = 0;
  REQUIRE(found.size() == expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (std::isnan(expected[i]) || std::isinf(expected[i])) {
      const bool same = std::isnan(expected[i]) ? std::isnan(found[i])
                                                : static_cast<double>(found[i]) == expected[i];
      CHECK_MESSAGE(same, "element ", i, ": found ", found[i], ", expected ", expected[i]);
      continue;
    }
    const double error = std::fabs(found[i] - expected[i]) / (std::fabs(expected[i]) + floor);
    worst = std::isnan(error) ? kInf : std::max(worst, error);
  }
  return worst;
}

inline std::vector<double> widened(const std::vector<float>& x) { return {x.begin(), x.end()}; }

}  // namespace weft::test
