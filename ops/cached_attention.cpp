#include "ops/cached_attention.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "ops/infer_checks.h"
#include "ops/query_ranges.h"
#include "ops/simd/kernels.h"

namespace weft {
namespace {

// Inputs behind the four that are always there.
constexpr std::size_t kNewKeysInput = 4;

// Fewer query rows than this for each thread are shared by heads.
constexpr std::int64_t kFewRowsPerThread = 4;

std::int64_t whole_lines(std::int64_t floats) { return (floats + 15) / 16 * 16; }

void expect_row_ids(std::string_view op, std::string_view argument, const ValueInfo& value) {
  if (value.dtype == DType::kI32 && value.cols == 1 && !value.per_key) return;
  throw_invalid(op, fmt::format("{}: expected I32 of 1 column, found {} of {}", argument,
                                to_string(value.dtype), value.cols));
}

}  // namespace

CachedAttentionOp::CachedAttentionOp(CachedAttentionParameters parameters)
    : parameters_(parameters) {}

std::vector<ValueInfo> CachedAttentionOp::infer(std::span<const ValueInfo> in) const {
  const bool append = parameters_.append == Append::kYes;
  expect_inputs(name(), in, std::size_t{4} + (append ? 3 : 0) + (parameters_.has_bias ? 1 : 0));
  const ValueInfo& q = in[0];
  const ValueInfo& keys = in[kKeysInput];
  const ValueInfo& values = in[kKeysInput + 1];
  const std::int64_t heads = parameters_.heads;
  expect_f32_matrix(name(), "q", q);
  expect_row_ids(name(), "key_rows", in[kKeyRowsInput]);
  expect_f32_matrix(name(), "keys", keys);
  expect_f32_matrix(name(), "values", values);
  if (heads < 1) throw_invalid(name(), fmt::format("heads: expected at least 1, found {}", heads));
  if (!std::isfinite(parameters_.scale)) {
    throw_invalid(name(),
                  fmt::format("scale: expected a finite number, found {}", parameters_.scale));
  }
  if (q.cols % heads != 0 || values.cols % heads != 0) {
    throw_invalid(name(), fmt::format("expected columns divisible by {} heads, found q with {} and "
                                      "values with {}",
                                      heads, q.cols, values.cols));
  }
  if (q.cols != keys.cols) {
    throw_invalid(name(), fmt::format("expected q and keys of one head size, found q with {} "
                                      "columns, keys with {}",
                                      q.cols, keys.cols));
  }
  if (q.cols != parameters_.q_cols || values.cols != parameters_.v_cols) {
    throw_invalid(name(),
                  fmt::format("expected q with {} columns and values with {}, found {} and {}",
                              parameters_.q_cols, parameters_.v_cols, q.cols, values.cols));
  }
  if (keys.rows != values.rows) {
    throw_invalid(name(), fmt::format("expected keys and values in one row space, found {} and {}",
                                      keys.rows, values.rows));
  }
  if (q.fixed_rows >= 0 || in[kKeyRowsInput].fixed_rows >= 0) {
    throw_invalid(name(), "expected q and key_rows in ragged row spaces, found fixed rows");
  }
  if (append) check_append(in);
  if (parameters_.has_bias) expect_distance_bias(name(), in.back(), heads);
  ValueInfo context = q;
  context.cols = values.cols;
  ValueInfo weights = q;
  weights.cols = heads;
  weights.per_key = true;
  return {context, weights};
}

void CachedAttentionOp::check_append(std::span<const ValueInfo> in) const {
  const ValueInfo& new_keys = in[kNewKeysInput];
  const ValueInfo& new_values = in[kNewKeysInput + 1];
  expect_f32_matrix(name(), "new_keys", new_keys);
  expect_f32_matrix(name(), "new_values", new_values);
  expect_row_ids(name(), "new_rows", in[kNewKeysInput + 2]);
  if (new_keys.cols != in[kKeysInput].cols || new_values.cols != in[kKeysInput + 1].cols) {
    throw_invalid(name(), fmt::format("expected new_keys with {} columns and new_values with {}, "
                                      "found {} and {}",
                                      in[kKeysInput].cols, in[kKeysInput + 1].cols, new_keys.cols,
                                      new_values.cols));
  }
  for (std::size_t i = kNewKeysInput; i < kNewKeysInput + 3; ++i) {
    expect_same_rows(name(), in[0], in[i]);
  }
}

std::unique_ptr<Op> CachedAttentionOp::compile(const CompileContext& context) const {
  auto compiled = std::make_unique<CachedAttentionOp>(parameters_);
  compiled->kernels_ = context.kernels;
  if (parameters_.scale == 0) {
    compiled->parameters_.scale = static_cast<float>(1 / std::sqrt(static_cast<double>(qk_size())));
  }
  return compiled;
}

std::size_t CachedAttentionOp::scratch_bytes(const Limits& limits) const {
  return sizeof(float) * static_cast<std::size_t>(parameters_.heads * whole_lines(limits.longest));
}

std::int64_t CachedAttentionOp::items(const RunContext& context) const {
  const std::int64_t rows = context.in[0].rows;
  return rows < kFewRowsPerThread * std::max(1, context.threads) ? rows * parameters_.heads : rows;
}

Work CachedAttentionOp::work(const RunContext& context) const {
  const double share =
      static_cast<double>(context.end - context.begin) / static_cast<double>(items(context));
  const double cells = share * static_cast<double>(context.in[kKeyRowsInput].rows) *
                       static_cast<double>(parameters_.q_cols + parameters_.v_cols);
  return {.flops = 2 * cells, .bytes = 4 * cells};
}

void CachedAttentionOp::run_heads(const RunContext& context, std::int64_t row,
                                  std::int64_t first_head, std::int64_t heads) const noexcept {
  const Tensor& keys = context.in[kKeysInput];
  const Tensor& values = context.in[kKeysInput + 1];
  const std::int64_t qk_first = first_head * qk_size(), v_first = first_head * v_size();
  if (parameters_.append == Append::kYes) {
    const std::int64_t to = *context.in[kNewKeysInput + 2].i32(row);
    std::copy_n(context.in[kNewKeysInput].f32(row) + qk_first, heads * qk_size(),
                keys.f32(to) + qk_first);
    std::copy_n(context.in[kNewKeysInput + 1].f32(row) + v_first, heads * v_size(),
                values.f32(to) + v_first);
  }
  const RowsView& lists = context.in_rows[kKeyRowsInput];
  const auto r = static_cast<std::size_t>(row);
  simd::CachedAttentionCall call{};
  call.q = context.in[0].f32(row) + qk_first;
  call.keys = keys.f32() + qk_first;
  call.values = values.f32() + v_first;
  call.keys_stride = keys.stride;
  call.values_stride = values.stride;
  call.rows = context.in[kKeyRowsInput].i32(lists.offsets[r]);
  call.count = lists.offsets[r + 1] - lists.offsets[r];
  call.heads = heads;
  call.qk_size = qk_size();
  call.v_size = v_size();
  call.scale = parameters_.scale;
  if (parameters_.has_bias) {
    const Tensor& bias = context.in.back();
    call.bias = bias.f32(first_head);
    call.bias_stride = bias.stride;
    call.bias_radius = bias.cols / 2;
  }
  call.out = context.out[0].f32(row) + v_first;
  call.scores = reinterpret_cast<float*>(context.scratch);
  call.scores_stride = whole_lines(call.count);
  kernels_->cached_attention(call);
  const Tensor& weights = context.out[1];
  if (weights.data == nullptr) return;
  for (std::int64_t h = 0; h < heads; ++h) {
    float* to = weights.f32(row) + (first_head + h) * lists.longest;
    std::copy_n(call.scores + h * call.scores_stride, call.count, to);
    std::fill_n(to + call.count, lists.longest - call.count, 0.0f);
  }
}

void CachedAttentionOp::run(const RunContext& context) const noexcept {
  const std::int64_t rows = context.in[0].rows;
  const std::int64_t heads = items(context) == rows ? parameters_.heads : 1;
  const std::int64_t parts = parameters_.heads / heads;
  for (std::int64_t item = context.begin; item < context.end; ++item) {
    run_heads(context, item / parts, item % parts * heads, heads);
  }
}

}  // namespace weft
