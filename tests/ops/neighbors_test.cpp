#include "ops/neighbors.h"

#include <doctest/doctest.h>

#include <vector>

#include "tests/failure.h"
#include "tests/ops/run_op.h"

namespace weft::test {
namespace {

ValueInfo matrix(std::int64_t cols) {
  ValueInfo info;
  info.rows = 0;
  info.cols = cols;
  return info;
}

}  // namespace

TEST_CASE("a row's neighbors are those of its own sequence, and zeros beyond") {
  const std::vector<std::int32_t> offsets{0, 1, 5, 7}, by_length{1, 2, 0};
  for (const std::int64_t width : {1, 3, 5, 9}) {
    CAPTURE(width);
    constexpr std::int64_t kCols = 3;
    const std::unique_ptr<Op> op = NeighborsOp(width).compile(compile_context_under_test());
    CHECK_FALSE(op->row_wise());
    TestMatrix x(7, kCols), y(7, kCols * width);
    for (std::int64_t row = 0; row < 7; ++row) {
      for (std::int64_t c = 0; c < kCols; ++c) x.at(row, c) = static_cast<float>(100 * row + c + 1);
    }
    RowsView view;
    view.offsets = offsets;
    view.by_length = by_length;
    view.longest = 4;
    const Tensor in = x.tensor(), out = y.tensor();
    RunContext context;
    context.in = {&in, 1};
    context.out = {&out, 1};
    context.in_rows = {&view, 1};
    CHECK(op->items(context) == 3);
    for (std::int64_t item : {2, 0, 1}) {
      context.begin = item;
      context.end = item + 1;
      CHECK(op->work(context).bytes > 0);
      op->run(context);
    }
    for (std::size_t s = 0; s < 3; ++s) {
      for (std::int64_t t = offsets[s]; t < offsets[s + 1]; ++t) {
        for (std::int64_t c = 0; c < kCols; ++c) {
          for (std::int64_t j = 0; j < width; ++j) {
            const std::int64_t row = t + j - width / 2;
            const bool inside = row >= offsets[s] && row < offsets[s + 1];
            const double expected = inside ? static_cast<double>(100 * row + c + 1) : 0;
            CHECK(y.at(t, c * width + j) == expected);
          }
        }
      }
    }
  }
}

TEST_CASE("neighbors of an even or no width, or of too many columns, are refused") {
  const std::vector<ValueInfo> in{matrix(8)};
  CHECK(NeighborsOp(3).infer(in)[0].cols == 24);
  for (const std::int64_t width : {0, -1, 2}) {
    WEFT_CHECK_FAILS(NeighborsOp(width).infer(in), "INVALID_ARGUMENT",
                     "[neighbors] width: expected an odd number");
  }
  WEFT_CHECK_FAILS(NeighborsOp(INT64_MAX).infer(in), "INVALID_ARGUMENT", "fewer than 2^63");
  WEFT_CHECK_FAILS(NeighborsOp(3).infer({}), "INVALID_ARGUMENT", "[neighbors]");
}

}  // namespace weft::test
