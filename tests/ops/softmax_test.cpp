#include <doctest/doctest.h>

#include "tests/ops/row_case.h"
#include "tests/reference.h"

namespace weft::test {
namespace {

std::vector<float> softmax_row(const std::vector<float>& x) {
  return run_guarded(
      [](const float* in, float* out, std::int64_t n) { kernels_under_test().softmax(in, out, n); },
      x);
}

}  // namespace

TEST_CASE("softmax equals the double reference at every length and scale") {
  for (float scale : {0.01f, 1.0f, 10.0f, 1000.0f}) {
    double worst = 0;
    for (std::int64_t n : row_lengths()) {
      CAPTURE(n);
      const std::vector<float> x = random_floats(static_cast<std::size_t>(n), 5, scale);
      const std::vector<float> y = softmax_row(x);
      worst = std::max(worst, worst_error(y, softmax(widened(x)), 1e-30));
      double sum = 0;
      for (float value : y) sum += value;
      if (n > 0) CHECK(std::fabs(sum - 1) < 1e-6);
    }
    MESSAGE("worst relative error of softmax at scale ", scale, ": ", worst);
    // Rounding x - max costs |x - max| * 2^-24: 6e-7 at 10, 5.3e-6 where the weights end, at 88.
    // The rest: exp 1.2e-7, sum, product.
    CHECK(worst < (scale > 1 ? 6e-6 : 1.2e-6));
  }
}

TEST_CASE("equal and huge rows give equal weights") {
  for (float value : {0.0f, -1e30f, 1e30f, 3e38f, -3e38f}) {
    for (float weight : softmax_row(std::vector<float>(37, value))) {
      CHECK(weight == doctest::Approx(1.0 / 37).epsilon(1e-6));
    }
  }
}

TEST_CASE("an element of -infinity weighs exactly nothing") {
  std::vector<float> x = random_floats(40, 6);
  x[0] = x[17] = x[39] = -kInf;
  const std::vector<float> y = softmax_row(x);
  CHECK(worst_error(y, softmax(widened(x)), 1e-30) < 1e-6);
  for (std::size_t i : {0u, 17u, 39u}) CHECK(y[i] == 0.0f);
}

TEST_CASE("a row of -infinity alone gives zeros") {
  for (std::size_t n : {1u, 5u, 16u, 70u}) {
    for (float weight : softmax_row(std::vector<float>(n, -kInf))) CHECK(weight == 0.0f);
  }
}

TEST_CASE("a NaN or +infinity anywhere makes the whole row NaN, as the formula does") {
  for (std::size_t n : {1u, 3u, 16u, 33u, 100u}) {
    for (std::size_t at = 0; at < n; at += 1 + n / 7) {
      for (float rest : {0.5f, -kInf}) {
        std::vector<float> x(n, rest);
        x[at] = kNan;
        for (float weight : softmax_row(x)) CHECK(std::isnan(weight));
      }
      std::vector<float> x(n, 0.5f);
      x[at] = kInf;
      CHECK(std::isnan(softmax_row(x)[at]));
    }
  }
}

}  // namespace weft::test
