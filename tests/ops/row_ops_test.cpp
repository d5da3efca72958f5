// The row-wise operators: shapes, errors, and their results on strided matrices.
#include <doctest/doctest.h>

#include <cmath>

#include "ops/activation.h"
#include "ops/concat.h"
#include "ops/elementwise.h"
#include "ops/layer_norm.h"
#include "ops/normalize.h"
#include "ops/softmax.h"
#include "tests/ops/row_case.h"
#include "tests/ops/run_op.h"
#include "tests/reference.h"

namespace weft::test {
namespace {

TestMatrix random_matrix(std::int64_t rows, std::int64_t cols, std::uint32_t seed) {
  return {rows, cols, random_floats(static_cast<std::size_t>(rows * cols), seed)};
}

std::vector<float> row_of(TestMatrix& matrix, std::int64_t row) {
  return {&matrix.at(row, 0), &matrix.at(row, 0) + matrix.cols};
}

}  // namespace

TEST_CASE("softmax, activation and normalize keep the shape and refuse what is not an F32 matrix") {
  const SoftmaxOp softmax_op;
  const ActivationOp gelu_op(Activation::kGelu);
  const NormalizeOp normalize_op;
  for (const Op* op : {static_cast<const Op*>(&softmax_op), static_cast<const Op*>(&gelu_op),
                       static_cast<const Op*>(&normalize_op)}) {
    CAPTURE(std::string(op->name()));
    const std::vector<ValueInfo> in{f32_value(4, 7)};
    const std::vector<ValueInfo> out = op->infer(in);
    REQUIRE(out.size() == 1);
    CHECK(out[0].rows == 4);
    CHECK(out[0].cols == 7);
    CHECK(infer_error(*op, {i32_value(4, 7)}).find("expected F32, found I32") != std::string::npos);
    CHECK(infer_error(*op, {f32_value(4, 7), f32_value(4, 7)}).find("expected 1 input, found 2") !=
          std::string::npos);
    ValueInfo weights = f32_value(4, 7);
    weights.per_key = true;
    infer_error(*op, {weights});
  }
}

TEST_CASE("row-wise operators compute every row of a strided matrix") {
  TestMatrix x = random_matrix(5, 37, 20);
  const std::vector<Tensor> in{x.tensor()};
  TestMatrix weights = run_row_wise(SoftmaxOp(), in, 37);
  TestMatrix activated = run_row_wise(ActivationOp(Activation::kGelu), in, 37);
  TestMatrix unit = run_row_wise(NormalizeOp(), in, 37);
  for (std::int64_t i = 0; i < 5; ++i) {
    CHECK(worst_error(row_of(weights, i), softmax(x.row(i)), 1e-30) < 1e-6);
    double squares = 0;
    for (std::int64_t k = 0; k < 37; ++k) {
      CHECK(activated.at(i, k) == doctest::Approx(gelu(x.at(i, k))).epsilon(1e-6));
      squares += static_cast<double>(unit.at(i, k)) * unit.at(i, k);
    }
    CHECK(squares == doctest::Approx(1).epsilon(1e-6));
  }
}

TEST_CASE("layer_norm checks its vectors by name and computes with and without beta") {
  const std::vector<float> gamma = random_floats(37, 21), beta = random_floats(37, 22);
  const Weight gamma_weight = Weight::from_memory("norm.weight", {37}, gamma.data());
  const Weight beta_weight = Weight::from_memory("norm.bias", {37}, beta.data());
  const LayerNormOp op(gamma_weight, beta_weight, 1e-12f);
  CHECK(op.label() == "norm.weight");
  CHECK(infer_error(op, {f32_value(0, 36)}).find("norm.weight: expected [36], found [37]") !=
        std::string::npos);
  const Weight square = Weight::from_memory("norm.weight", {37, 1}, gamma.data());
  infer_error(LayerNormOp(square, {}, 1e-5f), {f32_value(0, 1)});
  infer_error(LayerNormOp({}, {}, 1e-5f), {f32_value(0, 37)});
  for (float eps : {-1e-5f, kNan, kInf}) {
    CHECK(infer_error(LayerNormOp(gamma_weight, {}, eps), {f32_value(0, 37)}).find("eps") !=
          std::string::npos);
  }
  const Weight short_beta = Weight::from_memory("norm.bias", {36}, beta.data());
  CHECK(infer_error(LayerNormOp(gamma_weight, short_beta, 1e-5f), {f32_value(0, 37)})
            .find("norm.bias") != std::string::npos);

  TestMatrix x = random_matrix(4, 37, 23);
  const std::vector<Tensor> in{x.tensor()};
  TestMatrix shifted = run_row_wise(op, in, 37);
  TestMatrix plain = run_row_wise(LayerNormOp(gamma_weight, {}, 1e-12f), in, 37);
  for (std::int64_t i = 0; i < 4; ++i) {
    CHECK(worst_error(row_of(shifted, i),
                      layer_norm(x.row(i), widened(gamma), widened(beta), 1e-12), 1) < 2e-6);
    CHECK(worst_error(row_of(plain, i), layer_norm(x.row(i), widened(gamma), {}, 1e-12), 1) < 2e-6);
  }
  CHECK(op.compile(compile_context_under_test())->packed_bytes() == 2 * 37 * 4);
}

TEST_CASE("add and multiply name the shapes that do not fit") {
  const ElementwiseOp sum(Elementwise::kAdd), product(Elementwise::kMultiply);
  CHECK(infer_error(sum, {f32_value(0, 8), f32_value(0, 9)}).find("found 8 and 9") !=
        std::string::npos);
  CHECK(infer_error(product, {f32_value(0, 8), f32_value(2, 8)}).find("spaces 0 and 2") !=
        std::string::npos);
  infer_error(sum, {f32_value(0, 8)});
  TestMatrix a = random_matrix(3, 35, 24), b = random_matrix(3, 35, 25);
  const std::vector<Tensor> in{a.tensor(), b.tensor()};
  TestMatrix added = run_row_wise(sum, in, 35), multiplied = run_row_wise(product, in, 35);
  for (std::int64_t i = 0; i < 3; ++i) {
    for (std::int64_t k = 0; k < 35; ++k) {
      CHECK(added.at(i, k) == a.at(i, k) + b.at(i, k));
      CHECK(multiplied.at(i, k) == a.at(i, k) * b.at(i, k));
    }
  }
}

TEST_CASE("concat puts matrices of one row space side by side") {
  const ConcatOp op;
  const std::vector<ValueInfo> shapes{f32_value(1, 3), f32_value(1, 1), f32_value(1, 20)};
  CHECK(op.infer(shapes)[0].cols == 24);
  infer_error(op, {});
  infer_error(op, {f32_value(1, 3), f32_value(0, 3)});
  infer_error(op, {f32_value(1, 3), i32_value(1, 3)});
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  infer_error(op, {f32_value(1, kMost), f32_value(1, 1)});
  TestMatrix a = random_matrix(3, 3, 26), b = random_matrix(3, 1, 27), c = random_matrix(3, 20, 28);
  const std::vector<Tensor> in{a.tensor(), b.tensor(), c.tensor()};
  TestMatrix y = run_row_wise(op, in, 24);
  for (std::int64_t i = 0; i < 3; ++i) {
    for (std::int64_t k = 0; k < 24; ++k) {
      CHECK(y.at(i, k) == (k < 3 ? a.at(i, k) : k < 4 ? b.at(i, 0) : c.at(i, k - 4)));
    }
  }
}

}  // namespace weft::test
