// Runs one operator the way the executor does: compiled for the level under test, on strided
// matrices with a canary in the columns between, by blocks of rows and ranges of columns.
#pragma once

#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "ops/buffer.h"
#include "ops/op.h"
#include "tests/isa_under_test.h"
#include "weft/error.h"

namespace weft::test {

/// An owned F32 or I32 matrix whose rows lie `padding` elements apart.
struct TestMatrix {
  static constexpr std::int64_t padding = 3;
  std::int64_t rows, cols;
  std::vector<float> data;

  TestMatrix(std::int64_t row_count, std::int64_t col_count)
      : rows(row_count),
        cols(col_count),
        data(static_cast<std::size_t>(row_count * (col_count + padding)), -12345.0f) {}
  TestMatrix(std::int64_t row_count, std::int64_t col_count, const std::vector<float>& values)
      : TestMatrix(row_count, col_count) {
    for (std::int64_t i = 0; i < rows; ++i) {
      for (std::int64_t k = 0; k < cols; ++k)
        at(i, k) = values[static_cast<std::size_t>(i * cols + k)];
    }
  }
  static TestMatrix ids(const std::vector<std::int32_t>& values) {
    TestMatrix matrix(static_cast<std::int64_t>(values.size()), 1);
    for (std::size_t i = 0; i < values.size(); ++i) {
      std::memcpy(&matrix.at(static_cast<std::int64_t>(i), 0), &values[i], 4);
    }
    return matrix;
  }

  float& at(std::int64_t row, std::int64_t col) {
    return data[static_cast<std::size_t>(row * (cols + padding) + col)];
  }
  Tensor tensor(DType dtype = DType::kF32) {
    return {data.data(), rows, cols, cols + padding, dtype};
  }
  std::vector<double> row(std::int64_t i) {
    std::vector<double> values;
    for (std::int64_t k = 0; k < cols; ++k) values.push_back(at(i, k));
    return values;
  }
};

inline CompileContext compile_context_under_test() {
  return make_compile_context(isa_under_test(), GemmBackend::kNative);
}

/// Runs a compiled row-wise op in blocks of `block_rows` rows and columns [0, cut), [cut, cols).
inline void run_blocks(const Op& op, std::span<const Tensor> in, const Tensor& out,
                       std::int64_t block_rows, std::int64_t cut) {
  Buffer scratch(op.scratch_bytes({.block_rows = block_rows, .longest = out.rows, .threads = 1}));
  for (std::int64_t first = 0; first < out.rows; first += block_rows) {
    const std::int64_t count = std::min(block_rows, out.rows - first);
    std::vector<Tensor> block_in;
    for (std::size_t i = 0; i < in.size(); ++i) {
      block_in.push_back(op.reads_whole(i) ? in[i] : in[i].row_block(first, count));
    }
    const Tensor block_out = out.row_block(first, count);
    for (const auto& [begin, end] : {std::pair{std::int64_t{0}, cut}, std::pair{cut, out.cols}}) {
      if (begin == end) continue;
      RunContext context;
      context.in = block_in;
      context.out = {&block_out, 1};
      context.begin = begin;
      context.end = end;
      context.scratch = scratch.data();
      CHECK(op.work(context).bytes > 0);
      op.run(context);
    }
  }
}

/// Runs all items of an op that mixes rows one by one, the last first, each with scratch of NaN.
inline void run_items_backwards(const Op& op, RunContext context, const Buffer& scratch) {
  context.scratch = scratch.data();
  for (std::int64_t item = op.items(context) - 1; item >= 0; --item) {
    std::memset(scratch.data(), 0xff, scratch.size());
    context.begin = item;
    context.end = item + 1;
    op.run(context);
  }
}

/// The op's result; checks that blocks of rows and cuts of columns give the same bits and that
/// nothing between the rows is touched.
inline TestMatrix run_row_wise(const Op& recipe, std::span<const Tensor> in, std::int64_t cols) {
  const std::unique_ptr<Op> op = recipe.compile(compile_context_under_test());
  REQUIRE(op->row_wise());
  TestMatrix whole(in[0].rows, cols);
  run_blocks(*op, in, whole.tensor(), in[0].rows, cols);
  const std::int64_t grain = op->column_grain();
  for (std::int64_t block_rows : {1, 2}) {
    TestMatrix cut(in[0].rows, cols);
    run_blocks(*op, in, cut.tensor(), block_rows, grain > 0 && grain < cols ? grain : cols);
    CHECK(std::memcmp(cut.data.data(), whole.data.data(), whole.data.size() * 4) == 0);
  }
  for (std::int64_t i = 0; i < whole.rows; ++i) {
    for (std::int64_t k = cols; k < cols + TestMatrix::padding; ++k) {
      CHECK(whole.at(i, k) == -12345.0f);
    }
  }
  return whole;
}

/// The message of the Error that infer throws; fails if none is thrown or it lacks "[name] ".
inline std::string infer_error(const Op& op, const std::vector<ValueInfo>& in,
                               Reason reason = Reason::kInvalidArgument) {
  try {
    op.infer(in);
  } catch (const Error& error) {
    CHECK(error.reason() == reason);
    CHECK(std::string(error.what()).starts_with("[" + std::string(op.name()) + "] "));
    return error.what();
  }
  FAIL("expected an Error");
  return {};
}

inline ValueInfo f32_value(std::int32_t rows, std::int64_t cols) {
  return {.rows = rows, .fixed_rows = -1, .cols = cols, .dtype = DType::kF32, .per_key = false};
}
inline ValueInfo i32_value(std::int32_t rows, std::int64_t cols) {
  return {.rows = rows, .fixed_rows = -1, .cols = cols, .dtype = DType::kI32, .per_key = false};
}

}  // namespace weft::test
