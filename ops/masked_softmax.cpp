#include "ops/masked_softmax.h"

#include <algorithm>

#include "ops/infer_checks.h"
#include "ops/simd/kernels.h"

namespace weft {
namespace {

constexpr std::int64_t kRowsPerItem = 64;

}  // namespace

std::vector<ValueInfo> MaskedSoftmaxOp::infer(std::span<const ValueInfo> in) const {
  const bool has_lengths = parameters_.lengths_input >= 0;
  expect_inputs(name(), in, std::size_t{1} + has_lengths);
  expect_f32_matrix(name(), "x", in[0]);
  if (has_lengths) expect_key_lengths(name(), in[1], parameters_.lengths_per, in[0]);
  return {in[0]};
}

std::unique_ptr<Op> MaskedSoftmaxOp::compile(const CompileContext& context) const {
  auto compiled = std::make_unique<MaskedSoftmaxOp>(parameters_);
  compiled->kernels_ = context.kernels;
  return compiled;
}

bool MaskedSoftmaxOp::row_wise() const {
  return parameters_.keys != KeyRule::kCausal &&
         (parameters_.lengths_input < 0 || parameters_.lengths_per == LengthsPer::kQuery);
}

std::int64_t MaskedSoftmaxOp::items(const RunContext& context) const {
  return (context.in[0].rows + kRowsPerItem - 1) / kRowsPerItem;
}

// As softmax.
Work MaskedSoftmaxOp::work(const RunContext& context) const {
  const Tensor& x = context.in[0];
  const std::int64_t rows =
      row_wise() ? x.rows
                 : std::min(context.end * kRowsPerItem, x.rows) - context.begin * kRowsPerItem;
  const double elements = static_cast<double>(rows) * static_cast<double>(x.cols);
  return {.flops = 16 * elements, .bytes = 8 * elements};
}

void MaskedSoftmaxOp::run_row(const RunContext& context, std::int64_t row,
                              std::int64_t seen) const noexcept {
  float* y = context.out[0].f32(row);
  kernels_->softmax(context.in[0].f32(row), y, seen);
  std::fill(y + seen, y + context.out[0].cols, 0.0f);
}

void MaskedSoftmaxOp::run(const RunContext& context) const noexcept {
  const std::int64_t cols = context.in[0].cols;
  const bool has_lengths = parameters_.lengths_input >= 0;
  if (row_wise()) {
    for (std::int64_t row = 0; row < context.in[0].rows; ++row) {
      run_row(context, row, has_lengths ? *context.in[1].i32(row) : cols);
    }
    return;
  }
  const std::span<const std::int32_t> offsets = context.in_rows[0].offsets;
  const std::int64_t first = context.begin * kRowsPerItem;
  const std::int64_t last = std::min(context.end * kRowsPerItem, context.in[0].rows);
  // The sequence of row `first`; those without rows are passed over.
  auto end = std::upper_bound(offsets.begin(), offsets.end(), static_cast<std::int32_t>(first));
  for (std::int64_t row = first; row < last; ++row) {
    while (*end <= row) ++end;
    const std::int64_t sequence = end - offsets.begin() - 1;
    const bool per_query = parameters_.lengths_per == LengthsPer::kQuery;
    std::int64_t seen = has_lengths ? *context.in[1].i32(per_query ? row : sequence) : cols;
    if (parameters_.keys == KeyRule::kCausal) seen = std::min(seen, row - *(end - 1) + 1);
    run_row(context, row, seen);
  }
}

}  // namespace weft
