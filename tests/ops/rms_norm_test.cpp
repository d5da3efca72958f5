// rms_norm and gated: the row ops of T5 and of gated feed-forward layers.
#include "ops/rms_norm.h"

#include <doctest/doctest.h>

#include "ops/gated.h"
#include "tests/ops/row_case.h"
#include "tests/ops/run_op.h"
#include "tests/reference.h"

namespace weft::test {
namespace {

std::vector<double> rms_norm(const std::vector<float>& x, const std::vector<float>& gamma,
                             double eps) {
  double squares = 0;
  for (float value : x) squares += static_cast<double>(value) * value;
  const double scale = 1 / std::sqrt(squares / static_cast<double>(x.size()) + eps);
  std::vector<double> y;
  for (std::size_t i = 0; i < x.size(); ++i) y.push_back(x[i] * scale * gamma[i]);
  return y;
}

double activated(Activation activation, double x) {
  switch (activation) {
    case Activation::kNone: return x;
    case Activation::kGelu: return gelu(x);
    case Activation::kGeluTanh: return gelu_tanh(x);
    case Activation::kRelu: return std::max(x, 0.0);
    case Activation::kSilu: return x / (1 + std::exp(-x));
    case Activation::kTanh: return std::tanh(x);
    case Activation::kSigmoid: return 1 / (1 + std::exp(-x));
  }
  return NAN;
}

TestMatrix random_matrix(std::int64_t rows, std::int64_t cols, std::uint32_t seed) {
  return {rows, cols, random_floats(static_cast<std::size_t>(rows * cols), seed)};
}

}  // namespace

TEST_CASE("rms_norm equals the double reference at every length and scale") {
  for (std::int64_t n : row_lengths()) {
    if (n == 0) continue;
    for (float scale : {1e-4f, 1.0f, 1e5f}) {
      CAPTURE(n);
      const std::vector<float> x = random_floats(static_cast<std::size_t>(n), 1, scale);
      const std::vector<float> gamma = random_floats(x.size(), 2);
      const GuardedBuffer<float> gamma_row(gamma);
      const std::vector<float> y = run_guarded(
          [&](const float* in, float* out, std::int64_t count) {
            kernels_under_test().rms_norm(in, gamma_row.data(), 1e-6f, out, count);
          },
          x);
      CHECK(worst_error(y, rms_norm(x, gamma, 1e-6), 1e-3) < 1e-6);
    }
  }
}

TEST_CASE("rms_norm as an operator: rows of a strided matrix, zeros stay zeros, errors") {
  TestMatrix x = random_matrix(4, 37, 3);
  for (std::int64_t k = 0; k < 37; ++k) x.at(2, k) = 0;
  const std::vector<float> gamma = random_floats(37, 4);
  const RmsNormOp op(Weight::from_memory("g", {37}, gamma.data()), 1e-6f);
  const std::vector<Tensor> in{x.tensor()};
  TestMatrix y = run_row_wise(op, in, 37);
  for (std::int64_t i = 0; i < 4; ++i) {
    const std::vector<float> row(&x.at(i, 0), &x.at(i, 0) + 37);
    const std::vector<double> expected = rms_norm(row, gamma, 1e-6);
    for (std::int64_t k = 0; k < 37; ++k) {
      CHECK(y.at(i, k) == doctest::Approx(expected[k]).epsilon(1e-6));
    }
  }
  CHECK(infer_error(op, {f32_value(0, 36)}).find("37") != std::string::npos);
  infer_error(RmsNormOp(Weight::from_memory("g", {37}, gamma.data()), -1), {f32_value(0, 37)});
}

TEST_CASE("gated equals activation(a) * b for every activation, b NaN or not") {
  for (Activation activation :
       {Activation::kNone, Activation::kGelu, Activation::kGeluTanh, Activation::kRelu,
        Activation::kSilu, Activation::kTanh, Activation::kSigmoid}) {
    CAPTURE(to_string(activation));
    for (std::int64_t cols : {1, 15, 16, 40, 67}) {
      TestMatrix a = random_matrix(3, cols, 5), b = random_matrix(3, cols, 6);
      b.at(1, 0) = kNan;
      const std::vector<Tensor> in{a.tensor(), b.tensor()};
      TestMatrix y = run_row_wise(GatedOp(activation), in, cols);
      for (std::int64_t i = 0; i < 3; ++i) {
        for (std::int64_t k = 0; k < cols; ++k) {
          if (i == 1 && k == 0) {
            CHECK(std::isnan(y.at(i, k)));
            continue;
          }
          const double expected = activated(activation, a.at(i, k)) * b.at(i, k);
          CHECK(std::fabs(y.at(i, k) - expected) <= 2e-6 * (std::fabs(expected) + 0.1));
        }
      }
    }
  }
  const GatedOp op(Activation::kSilu);
  CHECK(infer_error(op, {f32_value(0, 4), f32_value(0, 5)}).find("found 4 and 5") !=
        std::string::npos);
  infer_error(op, {f32_value(0, 4), f32_value(1, 4)});
  infer_error(op, {f32_value(0, 4), i32_value(0, 4)});
}

}  // namespace weft::test
