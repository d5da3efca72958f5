#include "ops/pool.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "ops/infer_checks.h"
#include "ops/simd/kernels.h"

namespace weft {

std::vector<ValueInfo> PoolOp::infer(std::span<const ValueInfo> in) const {
  if (in.empty() || in.size() > 2) {
    throw_invalid(name(), fmt::format("expected 1 or 2 inputs, found {}", in.size()));
  }
  expect_f32_matrix(name(), "x", in[0]);
  if (in[0].rows == sequences_) {
    throw_invalid(name(),
                  fmt::format("expected a row space of sequences, found x's own, {}", sequences_));
  }
  if (in.size() == 2) {
    const ValueInfo& skip = in[1];
    if (skip.dtype != DType::kI32 || skip.cols != 1 || skip.rows != sequences_) {
      throw_invalid(name(), fmt::format("skip: expected I32, 1 column, row space {}, found {}, {}, "
                                        "row space {}",
                                        sequences_, to_string(skip.dtype), skip.cols, skip.rows));
    }
  }
  ValueInfo out = in[0];
  out.rows = sequences_;
  out.fixed_rows = -1;
  return {out};
}

std::unique_ptr<Op> PoolOp::compile(const CompileContext& context) const {
  auto compiled = std::make_unique<PoolOp>(pooling_, sequences_);
  compiled->kernels_ = context.kernels;
  return compiled;
}

std::int64_t PoolOp::items(const RunContext& context) const {
  return context.in_rows[0].sequences();
}

PoolOp::Rows PoolOp::rows_of_item(const RunContext& context, std::int64_t item,
                                  std::int64_t* sequence) const {
  const RowsView& view = context.in_rows[0];
  const auto index = static_cast<std::size_t>(view.by_length[static_cast<std::size_t>(item)]);
  *sequence = static_cast<std::int64_t>(index);
  Rows rows{view.offsets[index], view.offsets[index], view.offsets[index + 1]};
  if (context.in.size() == 2) {
    const std::int64_t skip = std::max<std::int64_t>(0, *context.in[1].i32(*sequence));
    rows.first = std::min(rows.start + skip, rows.last);
  }
  return rows;
}

Work PoolOp::work(const RunContext& context) const {
  const double cols = static_cast<double>(context.in[0].cols);
  Work work;
  for (std::int64_t item = context.begin; item < context.end; ++item) {
    std::int64_t sequence = 0;
    const Rows rows = rows_of_item(context, item, &sequence);
    const bool one_row = pooling_ == Pooling::kCls || pooling_ == Pooling::kLastToken;
    const double read = one_row ? 1 : static_cast<double>(rows.last - rows.first);
    work.flops += one_row ? 0 : (pooling_ == Pooling::kWeightedMean ? 2 : 1) * read * cols;
    work.bytes += 4 * (read + 1) * cols;
  }
  return work;
}

void PoolOp::run(const RunContext& context) const noexcept {
  for (std::int64_t item = context.begin; item < context.end; ++item) {
    std::int64_t sequence = 0;
    const Rows rows = rows_of_item(context, item, &sequence);
    pool_rows(context.in[0], rows, context.out[0].f32(sequence));
  }
}

void PoolOp::pool_rows(const Tensor& x, const Rows& rows, float* y) const noexcept {
  const std::int64_t cols = x.cols;
  if (rows.first == rows.last) {
    std::fill_n(y, cols, 0.0f);
    return;
  }
  const auto count = static_cast<double>(rows.last - rows.first);
  switch (pooling_) {
    case Pooling::kCls: std::copy_n(x.f32(rows.first), cols, y); return;
    case Pooling::kLastToken: std::copy_n(x.f32(rows.last - 1), cols, y); return;
    case Pooling::kMax:
      std::copy_n(x.f32(rows.first), cols, y);
      for (std::int64_t row = rows.first + 1; row < rows.last; ++row) {
        kernels_->maximum(y, x.f32(row), y, cols);
      }
      return;
    case Pooling::kMean:
    case Pooling::kMeanSqrtLen: {
      std::copy_n(x.f32(rows.first), cols, y);
      for (std::int64_t row = rows.first + 1; row < rows.last; ++row) {
        kernels_->add(y, x.f32(row), y, cols);
      }
      const double divisor = pooling_ == Pooling::kMean ? count : std::sqrt(count);
      kernels_->scale(static_cast<float>(1 / divisor), y, y, cols);
      return;
    }
    case Pooling::kWeightedMean: {
      std::fill_n(y, cols, 0.0f);
      for (std::int64_t row = rows.first; row < rows.last; ++row) {
        kernels_->axpy(static_cast<float>(row - rows.start + 1), x.f32(row), y, cols);
      }
      const auto first = static_cast<double>(rows.first - rows.start + 1);
      const auto last = static_cast<double>(rows.last - rows.start);
      kernels_->scale(static_cast<float>(2 / ((first + last) * count)), y, y, cols);
      return;
    }
  }
}

}  // namespace weft
