#include "ops/rotary.h"

#include <doctest/doctest.h>

#include <cmath>

#include "tests/ops/row_case.h"
#include "tests/ops/run_op.h"
#include "tests/reference.h"

namespace weft::test {
namespace {

constexpr RotaryPairs kForms[]{RotaryPairs::kHalves, RotaryPairs::kInterleaved};

const simd::Kernels& kernels() { return kernels_under_test(); }

}  // namespace

TEST_CASE("pairs turn by their angles for every number of pairs, in place too, within bounds") {
  for (RotaryPairs form : kForms) {
    for (std::int64_t n = 1; n <= 40; ++n) {
      CAPTURE(n);
      const auto pairs = static_cast<std::size_t>(n);
      const GuardedBuffer<float> cos(random_floats(pairs, 1)), sin(random_floats(pairs, 2));
      const std::vector<float> x = random_floats(2 * pairs, 3);
      const std::vector<float> y = run_guarded(
          [&](const float* in, float* out, std::int64_t count) {
            const auto rotate = form == RotaryPairs::kHalves ? kernels().rotate_halves
                                                             : kernels().rotate_interleaved;
            rotate(in, cos.data(), sin.data(), out, count / 2);
          },
          x);
      for (std::size_t i = 0; i < pairs; ++i) {
        const std::size_t first = form == RotaryPairs::kHalves ? i : 2 * i;
        const std::size_t second = form == RotaryPairs::kHalves ? pairs + i : 2 * i + 1;
        const double a = x[first], b = x[second], c = cos[i], s = sin[i];
        CHECK(std::fabs(y[first] - (a * c - b * s)) < 1e-6);
        CHECK(std::fabs(y[second] - (b * c + a * s)) < 1e-6);
      }
    }
  }
}

TEST_CASE("rotary turns the first columns of every head by the row's position") {
  constexpr std::int64_t kHeads = 3, kHeadSize = 10, kPairs = 4;
  TestMatrix x(5, kHeads * kHeadSize, random_floats(5 * kHeads * kHeadSize, 4));
  TestMatrix positions = TestMatrix::ids({0, 2, 1, 5, 2});
  TestMatrix table(6, 2 * kPairs, random_floats(6 * 2 * kPairs, 5));
  const std::vector<std::int64_t> rows{0, 2, 1, 5, 2};
  for (RotaryPairs form : kForms) {
    const std::vector<Tensor> in{x.tensor(), positions.tensor(DType::kI32), table.tensor()};
    TestMatrix y = run_row_wise(RotaryOp(kHeads, form), in, kHeads * kHeadSize);
    for (std::int64_t row = 0; row < 5; ++row) {
      for (std::int64_t head = 0; head < kHeads; ++head) {
        const std::int64_t base = head * kHeadSize;
        for (std::int64_t i = 0; i < kPairs; ++i) {
          const std::int64_t first = base + (form == RotaryPairs::kHalves ? i : 2 * i);
          const std::int64_t second = form == RotaryPairs::kHalves ? first + kPairs : first + 1;
          const double c = table.at(rows[row], i), s = table.at(rows[row], kPairs + i);
          const double a = x.at(row, first), b = x.at(row, second);
          CHECK(y.at(row, first) == doctest::Approx(a * c - b * s).epsilon(1e-5));
          CHECK(y.at(row, second) == doctest::Approx(b * c + a * s).epsilon(1e-5));
        }
        for (std::int64_t k = 2 * kPairs; k < kHeadSize; ++k) {
          CHECK(y.at(row, base + k) == x.at(row, base + k));
        }
      }
    }
  }
}

TEST_CASE("rotary names both sides of what does not fit") {
  const ValueInfo table{.rows = 1, .fixed_rows = 6, .cols = 8};
  const auto error = [&](ValueInfo x, ValueInfo positions, ValueInfo used, std::int64_t heads) {
    return infer_error(RotaryOp(heads, RotaryPairs::kHalves), {x, positions, used});
  };
  const auto has = [](const std::string& message, const std::string& part) {
    CAPTURE(message);
    CHECK(message.find(part) != std::string::npos);
  };
  CHECK(RotaryOp(2, RotaryPairs::kHalves)
            .infer(std::vector<ValueInfo>{f32_value(0, 16), i32_value(0, 1), table})[0]
            .cols == 16);
  has(error(f32_value(0, 16), f32_value(0, 1), table, 2), "positions: expected I32 of 1 column");
  has(error(f32_value(0, 16), i32_value(3, 1), table, 2), "3");
  has(error(f32_value(0, 16), i32_value(0, 1), table, 3), "found 16 columns and 3 heads");
  has(error(f32_value(0, 16), i32_value(0, 1), table, 4), "at most the head size 4, found 8");
  has(error(f32_value(0, 16), i32_value(0, 1), f32_value(1, 8), 2), "expected fixed rows");
  ValueInfo odd = table;
  odd.cols = 7;
  has(error(f32_value(0, 16), i32_value(0, 1), odd, 2), "expected an even number");
}

}  // namespace weft::test
