#include <doctest/doctest.h>

#include "tests/ops/row_case.h"
#include "tests/reference.h"

namespace weft::test {
namespace {

// Worst |found - expected| relative to 1 + |expected|, over the row and gamma, beta of size
// about 1.
double layer_norm_error(const std::vector<float>& x, float eps) {
  const std::vector<float> gamma = random_floats(x.size(), 7), beta = random_floats(x.size(), 8);
  const GuardedBuffer<float> gamma_row(gamma), beta_row(beta);
  double worst = 0;
  for (const float* shift :
       {static_cast<const float*>(beta_row.data()), static_cast<const float*>(nullptr)}) {
    const std::vector<float> y = run_guarded(
        [&](const float* in, float* out, std::int64_t n) {
          kernels_under_test().layer_norm(in, gamma_row.data(), shift, eps, out, n);
        },
        x);
    const std::vector<double> expected = layer_norm(
        widened(x), widened(gamma), shift != nullptr ? widened(beta) : std::vector<double>{}, eps);
    worst = std::max(worst, worst_error(y, expected, 1.0));
  }
  return worst;
}

}  // namespace

TEST_CASE("layer_norm equals the double reference at every length and scale") {
  double worst = 0;
  for (std::int64_t n : row_lengths()) {
    if (n == 0) continue;
    for (float scale : {1e-3f, 1.0f, 1e3f, 1e15f}) {
      CAPTURE(n);
      worst = std::max(
          worst, layer_norm_error(random_floats(static_cast<std::size_t>(n), 9, scale), 1e-5f));
    }
  }
  MESSAGE("worst error of layer_norm ", worst);
  // At n = 2 and 3 the elements of a row can be close: the rounding of the mean shows.
  CHECK(worst < 3e-6);
}

TEST_CASE("a large mean costs no more than its own rounding") {
  std::vector<float> x = random_floats(384, 10);
  for (float& value : x) value += 1000;
  // The mean is off by at most 1000 * 2^-22, the deviation being 1.
  CHECK(layer_norm_error(x, 1e-12f) < 2.5e-4);
}

TEST_CASE("a row of equal elements gives beta") {
  for (float value : {0.0f, 1.0f, -77.25f}) {
    const std::vector<float> x(64, value), gamma = random_floats(64, 11);
    const std::vector<float> beta = random_floats(64, 12);
    std::vector<float> y(64);
    kernels_under_test().layer_norm(x.data(), gamma.data(), beta.data(), 1e-12f, y.data(), 64);
    CHECK(y == beta);
  }
}

TEST_CASE("a NaN or infinity in a row makes it NaN and stays in it") {
  for (float bad : {kNan, kInf, -kInf}) {
    for (std::size_t at : {0u, 16u, 36u}) {
      std::vector<float> x = random_floats(37, 13), y(37);
      const std::vector<float> gamma(37, 1.0f);
      x[at] = bad;
      kernels_under_test().layer_norm(x.data(), gamma.data(), nullptr, 1e-5f, y.data(), 37);
      for (float value : y) CHECK(std::isnan(value));
    }
  }
}

}  // namespace weft::test
