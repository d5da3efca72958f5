#include "ops/additive_attention.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "ops/infer_checks.h"
#include "ops/simd/kernels.h"

namespace weft {
namespace {

// Of a sum, its tanh and the product by a weight: 14 of expm1, 6 of half a shared division.
constexpr double kFlopsPerElement = 24;

}  // namespace

AdditiveAttentionOp::AdditiveAttentionOp(AdditiveParameters parameters)
    : parameters_(std::move(parameters)), label_(parameters_.weights.name()) {}

std::vector<ValueInfo> AdditiveAttentionOp::infer(std::span<const ValueInfo> in) const {
  const bool has_lengths = parameters_.lengths_input >= 0;
  expect_inputs(name(), in, std::size_t{3} + has_lengths);
  const ValueInfo& q = in[0];
  const ValueInfo& k = in[1];
  const ValueInfo& v = in[2];
  expect_f32_matrix(name(), "q", q);
  expect_f32_matrix(name(), "k", k);
  expect_f32_matrix(name(), "v", v);
  if (q.cols != k.cols) {
    throw_invalid(name(), fmt::format("expected q and k projected to one width, found q with {} "
                                      "columns, k with {}",
                                      q.cols, k.cols));
  }
  const Weight& weights = parameters_.weights;
  if (!weights || weights.size() != q.cols) {
    throw_invalid(name(), fmt::format("{}: expected {} elements, one per column of q and k, found "
                                      "[{}]",
                                      weights ? weights.name() : "weights", q.cols,
                                      fmt::join(weights.shape(), ", ")));
  }
  expect_keys(name(), q, k, v);
  if (has_lengths) expect_key_lengths(name(), in[3], parameters_.lengths_per, q);
  ValueInfo context = q;
  context.cols = v.cols;
  ValueInfo attention = q;
  attention.cols = 1;
  attention.per_key = true;
  return {context, attention};
}

std::unique_ptr<Op> AdditiveAttentionOp::compile(const CompileContext& context) const {
  auto compiled = std::make_unique<AdditiveAttentionOp>(parameters_);
  compiled->parameters_.weights = {};
  compiled->weights_.resize(static_cast<std::size_t>(parameters_.weights.size()));
  parameters_.weights.read_f32(0, parameters_.weights.rows(), compiled->weights_.data());
  compiled->kernels_ = context.kernels;
  return compiled;
}

std::size_t AdditiveAttentionOp::scratch_bytes(const Limits& limits) const {
  return static_cast<std::size_t>(limits.longest) * sizeof(float);
}

double AdditiveAttentionOp::flops(const RunContext& context) const {
  const double seen = parameters_.keys == KeyRule::kCausal ? 0.5 : 1.0;
  const double per_pair = kFlopsPerElement * static_cast<double>(context.in[0].cols) +
                          2 * static_cast<double>(context.in[2].cols);
  return seen * per_pair * query_key_pairs(context.in_rows[0], context.in_rows[1]);
}

std::int64_t AdditiveAttentionOp::items(const RunContext& context) const {
  return items_for(flops(context), context.threads);
}

Work AdditiveAttentionOp::work(const RunContext& context) const {
  return work_of_items(context, flops(context), context.in[0].cols + context.in[2].cols);
}

std::int64_t AdditiveAttentionOp::visible_keys(const RunContext& context, std::int64_t sequence,
                                               std::int64_t query) const noexcept {
  const SequenceRows queries = rows_of(context.in_rows[0], sequence);
  const std::int64_t keys = rows_of(context.in_rows[1], sequence).count;
  std::int64_t visible = keys;
  if (parameters_.keys == KeyRule::kCausal) {
    visible = std::max<std::int64_t>(0, query + keys - queries.count + 1);
  }
  if (parameters_.lengths_input >= 0) {
    const Tensor& lengths = context.in[3];
    const bool per_query = parameters_.lengths_per == LengthsPer::kQuery;
    visible =
        std::min<std::int64_t>(visible, *lengths.i32(per_query ? queries.first + query : sequence));
  }
  return visible;
}

void AdditiveAttentionOp::run_query(const RunContext& context, std::int64_t sequence,
                                    std::int64_t query) const noexcept {
  const std::int64_t row = rows_of(context.in_rows[0], sequence).first + query;
  const std::int64_t first_key = rows_of(context.in_rows[1], sequence).first;
  const std::int64_t keys = visible_keys(context, sequence, query);
  auto* scores = reinterpret_cast<float*>(context.scratch);
  kernels_->additive_scores({.q = context.in[0].f32(row),
                             .k = context.in[1].f32(first_key),
                             .weights = weights_.data(),
                             .scores = scores,
                             .k_stride = context.in[1].stride,
                             .keys = keys,
                             .size = context.in[0].cols});
  kernels_->softmax(scores, scores, keys);
  if (context.out[0].data != nullptr) {
    float* out = context.out[0].f32(row);
    std::fill_n(out, context.out[0].cols, 0.0f);
    for (std::int64_t key = 0; key < keys; ++key) {
      kernels_->axpy(scores[key], context.in[2].f32(first_key + key), out, context.out[0].cols);
    }
  }
  if (context.out[1].data != nullptr) {
    float* weights = context.out[1].f32(row);
    std::copy_n(scores, keys, weights);
    std::fill(weights + keys, weights + context.in_rows[1].longest, 0.0f);
  }
}

void AdditiveAttentionOp::run(const RunContext& context) const noexcept {
  for_each_query_range(context.in_rows[0], context.in_rows[1], 1, context.begin, context.end,
                       items(context),
                       [&](std::int64_t sequence, std::int64_t first, std::int64_t last) {
                         for (std::int64_t query = first; query < last; ++query) {
                           run_query(context, sequence, query);
                         }
                       });
}

}  // namespace weft
