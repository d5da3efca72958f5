#include "ops/rotary.h"

#include <fmt/format.h>

#include <algorithm>

#include "ops/infer_checks.h"
#include "ops/simd/kernels.h"

namespace weft {

std::vector<ValueInfo> RotaryOp::infer(std::span<const ValueInfo> in) const {
  expect_inputs(name(), in, 3);
  const ValueInfo& x = in[0];
  const ValueInfo& positions = in[1];
  const ValueInfo& table = in[2];
  expect_f32_matrix(name(), "x", x);
  expect_f32_matrix(name(), "table", table);
  if (positions.dtype != DType::kI32 || positions.cols != 1) {
    throw_invalid(name(), fmt::format("positions: expected I32 of 1 column, found {} of {}",
                                      to_string(positions.dtype), positions.cols));
  }
  expect_same_rows(name(), x, positions);
  if (heads_ < 1 || x.cols % heads_ != 0) {
    throw_invalid(name(), fmt::format("expected columns divisible by heads, found {} columns and "
                                      "{} heads",
                                      x.cols, heads_));
  }
  if (table.fixed_rows < 1) {
    throw_invalid(name(), "table: expected fixed rows, found ragged ones");
  }
  if (table.cols % 2 != 0 || table.cols > x.cols / heads_) {
    throw_invalid(name(), fmt::format("table: expected an even number of columns of at most the "
                                      "head size {}, found {}",
                                      x.cols / heads_, table.cols));
  }
  return {x};
}

std::unique_ptr<Op> RotaryOp::compile(const CompileContext& context) const {
  auto compiled = std::make_unique<RotaryOp>(heads_, pairs_);
  compiled->rotate_ = pairs_ == RotaryPairs::kHalves ? context.kernels->rotate_halves
                                                     : context.kernels->rotate_interleaved;
  return compiled;
}

// Per rotated element: product and multiply-add.
Work RotaryOp::work(const RunContext& context) const {
  const double elements =
      static_cast<double>(context.out[0].rows) * static_cast<double>(context.out[0].cols);
  return {.flops = 3 * elements, .bytes = 8 * elements};
}

void RotaryOp::run(const RunContext& context) const noexcept {
  const Tensor& x = context.in[0];
  const Tensor& table = context.in[2];
  const std::int64_t pairs = table.cols / 2, head_size = x.cols / heads_;
  for (std::int64_t row = 0; row < context.out[0].rows; ++row) {
    const float* cos = table.f32(*context.in[1].i32(row));
    for (std::int64_t head = 0; head < heads_; ++head) {
      const float* from = x.f32(row) + head * head_size;
      float* to = context.out[0].f32(row) + head * head_size;
      rotate_(from, cos, cos + pairs, to, pairs);
      std::copy(from + 2 * pairs, from + head_size, to + 2 * pairs);
    }
  }
}

}  // namespace weft
