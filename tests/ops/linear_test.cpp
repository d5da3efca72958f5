#include "ops/linear.h"

#include <doctest/doctest.h>

#include "ops/buffer.h"
#include "tests/isa_under_test.h"
#include "tests/ops/product_case.h"
#include "weft/error.h"

namespace weft::test {
namespace {

std::string infer_error(const LinearOp& op, std::vector<ValueInfo> in) {
  try {
    op.infer(in);
  } catch (const Error& error) {
    CHECK(error.reason() == Reason::kInvalidArgument);
    return error.what();
  }
  return "";
}

TEST_CASE("linear infers its shape and says what does not fit") {
  const Layer layer(8, {6, 10}, 1);
  const LinearOp op(layer.parts(), Activation::kNone);
  CHECK(op.name() == "linear");
  CHECK(op.label() == "part0");
  const ValueInfo x{.rows = 3, .fixed_rows = -1, .cols = 8};
  const ValueInfo residual{.rows = 3, .fixed_rows = -1, .cols = 16};
  const auto out = op.infer(std::vector{x});
  REQUIRE(out.size() == 1);
  CHECK(out[0].cols == 16);
  CHECK(out[0].rows == 3);
  CHECK(op.infer(std::vector{x, residual})[0].cols == 16);

  CHECK(infer_error(op, {}) == "[linear] part0: expected 1 or 2 inputs, found 0");
  CHECK(infer_error(op, {{.rows = 3, .cols = 9}}) ==
        "[linear] part0: expected out_features x 9, found 6 x 8");
  CHECK(infer_error(op, {{.rows = 3, .cols = 8, .dtype = DType::kI32}}) ==
        "[linear] part0: expected an F32 matrix as x, found I32");
  CHECK(infer_error(op, {x, {.rows = 3, .cols = 15}}) ==
        "[linear] part0: expected an F32 residual of 16 columns, found F32 of 15");
  CHECK(infer_error(op, {x, {.rows = 2, .cols = 16}}) ==
        "[linear] part0: expected a residual in row space 3 as x is, found 2");

  const float values[12] = {};
  const Weight weight = Weight::from_memory("w", {3, 4}, values);
  const Weight bias = Weight::from_memory("b", {4}, values);
  const Weight cube = Weight::from_memory("c", {1, 3, 4}, values);
  CHECK(infer_error(LinearOp({{weight, bias}}, Activation::kNone), {{.rows = 0, .cols = 4}}) ==
        "[linear] b: expected 3, found 4");
  CHECK(infer_error(LinearOp({{cube, {}}}, Activation::kNone), {{.rows = 0, .cols = 4}}) ==
        "[linear] c: expected out_features x 4, found 1 x 3 x 4");
  CHECK_THROWS_AS(LinearOp({}, Activation::kNone), Error);
}

TEST_CASE("a compiled linear computes activation(x W^T + b) + residual, all of it or by columns") {
  for (GemmBackend backend : {GemmBackend::kNative, GemmBackend::kOneDnn}) {
    const Layer layer(24, {70, 30}, 2);
    const LinearOp recipe(layer.parts(), Activation::kGelu);
    CompileContext compile;
    compile.isa = isa_under_test();
    compile.gemm = backend;
    const auto op = recipe.compile(compile);
    CHECK(op->label() == "part0");
    CHECK(op->packed_bytes() >= 24 * 100 * sizeof(float));

    const auto x = random_floats(24 * 19, 3);
    const auto residual = random_floats(100 * 19, 4);
    std::vector<float> y(100 * 19);
    const Tensor in[] = {{const_cast<float*>(x.data()), 19, 24, 24},
                         {const_cast<float*>(residual.data()), 19, 100, 100}};
    const Tensor out[] = {{y.data(), 19, 100, 100}};
    const Buffer scratch(op->scratch_bytes({.block_rows = 19}) + 1);
    RunContext context;
    context.in = in;
    context.out = out;
    context.scratch = scratch.data();
    const std::int64_t grain = op->column_grain();
    for (context.begin = 0; context.begin < 100; context.begin = context.end) {
      context.end = grain == 0 ? 100 : std::min<std::int64_t>(100, context.begin + grain);
      op->run(context);
    }
    std::vector<double> bound;
    for (std::size_t i = 0; i < 19; ++i) {
      const auto expected = layer.row(&x[i * 24], Activation::kGelu, &bound);
      for (std::size_t j = 0; j < 100; ++j) {
        const double sum = expected[j] + residual[i * 100 + j];
        REQUIRE(std::abs(y[i * 100 + j] - sum) <= 1.13 * bound[j] + 2e-6);
      }
    }
    context.begin = 0;
    CHECK(op->work(context).flops == 2.0 * 19 * 24 * 100);
  }
}

}  // namespace
}  // namespace weft::test
