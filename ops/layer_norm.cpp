#include "ops/layer_norm.h"

#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "ops/infer_checks.h"
#include "ops/simd/kernels.h"

namespace weft {

LayerNormOp::LayerNormOp(Weight gamma, Weight beta, float eps)
    : gamma_(std::move(gamma)), beta_(std::move(beta)), eps_(eps) {}

std::vector<ValueInfo> LayerNormOp::infer(std::span<const ValueInfo> in) const {
  expect_inputs(name(), in, 1);
  expect_f32_matrix(name(), "x", in[0]);
  expect_vector(name(), gamma_, in[0].cols);
  if (beta_) expect_vector(name(), beta_, in[0].cols);
  if (!std::isfinite(eps_) || eps_ < 0) {
    throw_invalid(name(), fmt::format("{}: eps: expected a finite number >= 0, found {}",
                                      gamma_.name(), eps_));
  }
  return {in[0]};
}

std::unique_ptr<Op> LayerNormOp::compile(const CompileContext& context) const {
  auto compiled = std::make_unique<LayerNormOp>(gamma_, beta_, eps_);
  compiled->kernels_ = context.kernels;
  compiled->gamma_values_ = get_packed_vector(context.store, gamma_);
  if (beta_) compiled->beta_values_ = get_packed_vector(context.store, beta_);
  return compiled;
}

void LayerNormOp::describe(const CompileContext&, PackKey& key) const {
  key.add(name()).add(eps_).add(gamma_).add(beta_);
}

std::size_t LayerNormOp::packed_bytes() const { return gamma_values_.size() + beta_values_.size(); }

// Per element: sum; difference, square, sum; difference, two products, sum.
Work LayerNormOp::work(const RunContext& context) const {
  const double elements =
      static_cast<double>(context.out[0].rows) * static_cast<double>(context.out[0].cols);
  return {.flops = 8 * elements, .bytes = 8 * elements + static_cast<double>(packed_bytes())};
}

void LayerNormOp::run(const RunContext& context) const noexcept {
  const Tensor& x = context.in[0];
  const Tensor& y = context.out[0];
  for (std::int64_t row = 0; row < y.rows; ++row) {
    kernels_->layer_norm(x.f32(row), gamma_values_.f32(), beta_values_.f32(), eps_, y.f32(row),
                         y.cols);
  }
}

}  // namespace weft
