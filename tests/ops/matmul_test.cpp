#include "ops/matmul.h"

#include <doctest/doctest.h>

#include "ops/buffer.h"
#include "tests/isa_under_test.h"
#include "tests/ops/product_case.h"
#include "weft/error.h"

namespace weft::test {
namespace {

struct Result {
  std::vector<float> values;
  std::int64_t grain;
};

Result multiply(MatmulForm form, GuardedFloats& a, std::int64_t rows, std::int64_t inner,
                GuardedFloats& b, std::int64_t cols, std::int64_t first_row = 0) {
  CompileContext compile;
  compile.isa = isa_under_test();
  const auto op = MatmulOp(form).compile(compile);
  const Buffer scratch(op->scratch_bytes({.block_rows = rows}));
  GuardedFloats c(static_cast<std::size_t>(rows * cols));
  const bool plain = form == MatmulForm::kPlain;
  const Tensor in[] = {
      {a.data() + first_row * inner, rows, inner, inner},
      {b.data(), plain ? inner : cols, plain ? cols : inner, plain ? cols : inner}};
  const Tensor out[] = {{c.data(), rows, cols, cols}};
  RunContext context;
  context.in = in;
  context.out = out;
  context.scratch = scratch.data();
  context.end = cols;
  op->run(context);
  return {{c.data(), c.data() + c.size()}, op->column_grain()};
}

TEST_CASE("matmul equals the sum in double, plain and transposed, beyond one packed depth") {
  for (MatmulForm form : {MatmulForm::kPlain, MatmulForm::kTransposed}) {
    for (std::int64_t inner : {1, 5, 64, 255, 256, 257, 600}) {
      for (std::int64_t cols : {1, 7, 16, 33, 70}) {
        const std::int64_t rows = 9;
        GuardedFloats a(random_floats(static_cast<std::size_t>(rows * inner), 1));
        GuardedFloats b(random_floats(static_cast<std::size_t>(inner * cols), 2));
        const auto c = multiply(form, a, rows, inner, b, cols).values;
        for (std::int64_t i = 0; i < rows; ++i) {
          for (std::int64_t j = 0; j < cols; ++j) {
            double sum = 0, magnitude = 0;
            for (std::int64_t k = 0; k < inner; ++k) {
              const float right =
                  b.data()[form == MatmulForm::kPlain ? k * cols + j : j * inner + k];
              sum += double{a.data()[i * inner + k]} * right;
              magnitude += std::abs(double{a.data()[i * inner + k]} * right);
            }
            REQUIRE(std::abs(c[i * cols + j] - sum) <=
                    magnitude * static_cast<double>(inner + 2) * 1.2e-7);
          }
        }
      }
    }
  }
}

TEST_CASE("a row of a matmul has the same bits alone and among others") {
  GuardedFloats a(random_floats(300 * 40, 1));
  GuardedFloats b(random_floats(300 * 50, 2));
  const auto all = multiply(MatmulForm::kTransposed, a, 40, 300, b, 50).values;
  for (std::int64_t rows : {1, 2, 7, 20}) {
    for (std::int64_t first : {0, 3, 20}) {
      const auto some = multiply(MatmulForm::kTransposed, a, rows, 300, b, 50, first).values;
      CHECK(same_bits(some.data(), all.data() + first * 50, some.size()));
    }
  }
}

TEST_CASE("matmul infers its shape and names both sides when they do not fit") {
  const ValueInfo a{.rows = 1, .fixed_rows = -1, .cols = 8};
  const ValueInfo b{.rows = 2, .fixed_rows = 8, .cols = 20};
  CHECK(MatmulOp(MatmulForm::kPlain).infer(std::vector{a, b})[0].cols == 20);
  const ValueInfo bt{.rows = 2, .fixed_rows = 20, .cols = 8};
  CHECK(MatmulOp(MatmulForm::kTransposed).infer(std::vector{a, bt})[0].cols == 20);
  CHECK(MatmulOp(MatmulForm::kTransposed).reads_whole(1));
  CHECK_THROWS_WITH_AS(MatmulOp(MatmulForm::kPlain).infer(std::vector{a, bt}),
                       "[matmul] expected a with 20 columns for b of 20 x 8 F32, found 8", Error);
  CHECK_THROWS_WITH_AS(
      MatmulOp(MatmulForm::kTransposed).infer(std::vector{a, b}),
      "[matmul] expected a with 20 columns for b of 8 x 20 F32 transposed, found 8", Error);
  CHECK_THROWS_AS(MatmulOp(MatmulForm::kPlain).infer(std::vector{a, a}), Error);
  CHECK_THROWS_AS(MatmulOp(MatmulForm::kPlain).infer(std::vector{a}), Error);
}

}  // namespace
}  // namespace weft::test
