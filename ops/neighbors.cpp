#include "ops/neighbors.h"

#include <fmt/format.h>

#include "ops/infer_checks.h"

namespace weft {
namespace {

struct Rows {
  std::int64_t first, last;
};

Rows rows_of_item(const RunContext& context, std::int64_t item) {
  const RowsView& view = context.in_rows[0];
  const auto sequence = static_cast<std::size_t>(view.by_length[static_cast<std::size_t>(item)]);
  return {view.offsets[sequence], view.offsets[sequence + 1]};
}

}  // namespace

std::vector<ValueInfo> NeighborsOp::infer(std::span<const ValueInfo> in) const {
  expect_inputs(name(), in, 1);
  expect_f32_matrix(name(), "x", in[0]);
  if (width_ < 1 || width_ % 2 == 0) {
    throw_invalid(name(), fmt::format("width: expected an odd number above 0, found {}", width_));
  }
  ValueInfo out = in[0];
  if (__builtin_mul_overflow(in[0].cols, width_, &out.cols)) {
    throw_invalid(name(), fmt::format("width: expected fewer than 2^63 columns, found {} x {}",
                                      in[0].cols, width_));
  }
  return {out};
}

std::unique_ptr<Op> NeighborsOp::compile(const CompileContext&) const {
  return std::make_unique<NeighborsOp>(width_);
}

std::int64_t NeighborsOp::items(const RunContext& context) const {
  return context.in_rows[0].sequences();
}

Work NeighborsOp::work(const RunContext& context) const {
  double rows = 0;
  for (std::int64_t item = context.begin; item < context.end; ++item) {
    const Rows own = rows_of_item(context, item);
    rows += static_cast<double>(own.last - own.first);
  }
  const auto cols = static_cast<double>(context.in[0].cols);
  return {.flops = 0, .bytes = 4 * rows * cols * static_cast<double>(1 + width_)};
}

void NeighborsOp::run(const RunContext& context) const noexcept {
  const Tensor& x = context.in[0];
  const std::int64_t reach = (width_ - 1) / 2;
  for (std::int64_t item = context.begin; item < context.end; ++item) {
    const Rows own = rows_of_item(context, item);
    for (std::int64_t t = own.first; t < own.last; ++t) {
      float* y = context.out[0].f32(t);
      for (std::int64_t j = 0; j < width_; ++j) {
        const std::int64_t row = t + j - reach;
        const bool inside = row >= own.first && row < own.last;
        const float* values = inside ? x.f32(row) : nullptr;
        for (std::int64_t c = 0; c < x.cols; ++c) {
          y[c * width_ + j] = inside ? values[c] : 0.0f;
        }
      }
    }
  }
}

}  // namespace weft
