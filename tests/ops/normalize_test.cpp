#include <doctest/doctest.h>

#include "tests/ops/row_case.h"
#include "tests/reference.h"

namespace weft::test {
namespace {

std::vector<float> normalize_row(const std::vector<float>& x) {
  return run_guarded([](const float* in, float* out,
                        std::int64_t n) { kernels_under_test().normalize(in, out, n); },
                     x);
}

std::vector<double> reference(const std::vector<float>& x) {
  double squares = 0;
  for (float value : x) squares += static_cast<double>(value) * value;
  std::vector<double> y;
  for (float value : x) y.push_back(value / std::max(std::sqrt(squares), 1e-12));
  return y;
}

}  // namespace

TEST_CASE("normalize equals the double reference, also where squares leave the range of float") {
  double worst = 0;
  for (std::int64_t n : row_lengths()) {
    for (float scale : {1e-15f, 1e-6f, 1.0f, 1e12f, 1e18f, 1e25f, 1e37f}) {
      CAPTURE(n);
      CAPTURE(scale);
      const std::vector<float> x = random_floats(static_cast<std::size_t>(n), 14, scale);
      worst = std::max(worst, worst_error(normalize_row(x), reference(x), 1e-30));
    }
  }
  MESSAGE("worst relative error of normalize ", worst);
  CHECK(worst < 5e-7);
}

TEST_CASE("a row of zeros stays zero") {
  for (float value : normalize_row(std::vector<float>(21, 0.0f))) CHECK(value == 0.0f);
}

TEST_CASE("NaN makes the row NaN; infinity is NaN over itself and zero over the others") {
  std::vector<float> x(40, 1.0f);
  x[33] = kNan;
  for (float value : normalize_row(x)) CHECK(std::isnan(value));
  x[33] = kInf;
  const std::vector<float> y = normalize_row(x);
  CHECK(std::isnan(y[33]));
  CHECK(y[0] == 0.0f);
}

}  // namespace weft::test
