#include "ops/kernel_regression.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "ops/infer_checks.h"
#include "ops/simd/kernels.h"

namespace weft {
namespace {

// Maximum, difference, exponential and sum of one score.
constexpr double kFlopsPerScore = 18;

}  // namespace

KernelRegressionOp::KernelRegressionOp(KernelRegressionParameters parameters)
    : parameters_(std::move(parameters)), label_(parameters_.width.name()) {}

std::vector<ValueInfo> KernelRegressionOp::infer(std::span<const ValueInfo> in) const {
  expect_inputs(name(), in, 3);
  const ValueInfo& q = in[0];
  const ValueInfo& k = in[1];
  const ValueInfo& v = in[2];
  expect_f32_matrix(name(), "q", q);
  expect_f32_matrix(name(), "k", k);
  expect_f32_matrix(name(), "v", v);
  if (q.cols != k.cols) {
    throw_invalid(name(), fmt::format("expected q and k of equally many columns, found q with {}, "
                                      "k with {}",
                                      q.cols, k.cols));
  }
  if (q.cols != parameters_.q_cols || v.cols != parameters_.v_cols) {
    throw_invalid(name(), fmt::format("expected q with {} columns and v with {}, found {} and {}",
                                      parameters_.q_cols, parameters_.v_cols, q.cols, v.cols));
  }
  if (parameters_.width && parameters_.width.size() != 1) {
    throw_invalid(name(),
                  fmt::format("{}: expected 1 element, found [{}]", parameters_.width.name(),
                              fmt::join(parameters_.width.shape(), ", ")));
  }
  expect_keys(name(), q, k, v);
  ValueInfo out = q;
  out.cols = v.cols;
  ValueInfo weights = q;
  weights.cols = 1;
  weights.per_key = true;
  return {out, weights};
}

std::unique_ptr<Op> KernelRegressionOp::compile(const CompileContext& context) const {
  auto compiled = std::make_unique<KernelRegressionOp>(parameters_);
  compiled->kernels_ = context.kernels;
  compiled->parameters_.width = {};
  if (parameters_.width) {
    float width = 0;
    parameters_.width.read_f32(0, 1, &width);
    if (!std::isfinite(width)) {
      throw_invalid(name(), fmt::format("{}: expected a finite number, found {}",
                                        parameters_.width.name(), width));
    }
    compiled->factor_ = static_cast<float>(-0.5 * static_cast<double>(width) * width);
  }
  return compiled;
}

std::size_t KernelRegressionOp::scratch_bytes(const Limits&) const {
  return kernels_->regression_scratch_bytes(parameters_.q_cols, parameters_.v_cols);
}

double KernelRegressionOp::flops(const RunContext& context) const {
  const double per_pair = 3 * static_cast<double>(parameters_.q_cols) + kFlopsPerScore +
                          2 * static_cast<double>(parameters_.v_cols);
  return per_pair * query_key_pairs(context.in_rows[0], context.in_rows[1]);
}

std::int64_t KernelRegressionOp::items(const RunContext& context) const {
  return items_for(flops(context), context.threads);
}

Work KernelRegressionOp::work(const RunContext& context) const {
  return work_of_items(context, flops(context), parameters_.q_cols + parameters_.v_cols);
}

void KernelRegressionOp::run(const RunContext& context) const noexcept {
  const Tensor &q = context.in[0], &k = context.in[1], &v = context.in[2];
  const Tensor &out = context.out[0], &weights = context.out[1];
  const std::int64_t longest = context.in_rows[1].longest;
  const auto visit = [&](std::int64_t sequence, std::int64_t first, std::int64_t last) {
    const std::int64_t row = rows_of(context.in_rows[0], sequence).first + first;
    const SequenceRows keys = rows_of(context.in_rows[1], sequence);
    kernels_->regression({.q = q.f32(row),
                          .k = k.f32(keys.first),
                          .v = v.f32(keys.first),
                          .out = out.data == nullptr ? nullptr : out.f32(row),
                          .weights = weights.data == nullptr ? nullptr : weights.f32(row),
                          .q_stride = q.stride,
                          .k_stride = k.stride,
                          .v_stride = v.stride,
                          .out_stride = out.stride,
                          .weights_stride = weights.stride,
                          .queries = last - first,
                          .keys = keys.count,
                          .size = parameters_.q_cols,
                          .v_size = parameters_.v_cols,
                          .factor = factor_,
                          .scratch = context.scratch});
    if (weights.data == nullptr) return;
    for (std::int64_t i = 0; i < last - first; ++i) {
      std::fill(weights.f32(row + i) + keys.count, weights.f32(row + i) + longest, 0.0f);
    }
  };
  for_each_query_range(context.in_rows[0], context.in_rows[1], kernels_->regression_block_queries,
                       context.begin, context.end, items(context), visit);
}

}  // namespace weft
