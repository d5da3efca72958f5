#include "ops/rms_norm.h"

#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "ops/infer_checks.h"
#include "ops/simd/kernels.h"

namespace weft {

RmsNormOp::RmsNormOp(Weight gamma, float eps) : gamma_(std::move(gamma)), eps_(eps) {}

std::vector<ValueInfo> RmsNormOp::infer(std::span<const ValueInfo> in) const {
  expect_inputs(name(), in, 1);
  expect_f32_matrix(name(), "x", in[0]);
  expect_vector(name(), gamma_, in[0].cols);
  if (!std::isfinite(eps_) || eps_ < 0) {
    throw_invalid(name(), fmt::format("{}: eps: expected a finite number >= 0, found {}",
                                      gamma_.name(), eps_));
  }
  return {in[0]};
}

std::unique_ptr<Op> RmsNormOp::compile(const CompileContext& context) const {
  auto compiled = std::make_unique<RmsNormOp>(gamma_, eps_);
  compiled->kernels_ = context.kernels;
  compiled->gamma_values_ = get_packed_vector(context.store, gamma_);
  return compiled;
}

void RmsNormOp::describe(const CompileContext&, PackKey& key) const {
  key.add(name()).add(eps_).add(gamma_);
}

std::size_t RmsNormOp::packed_bytes() const { return gamma_values_.size(); }

// Per element: square, sum; two products.
Work RmsNormOp::work(const RunContext& context) const {
  const double elements =
      static_cast<double>(context.out[0].rows) * static_cast<double>(context.out[0].cols);
  return {.flops = 4 * elements, .bytes = 8 * elements + static_cast<double>(packed_bytes())};
}

void RmsNormOp::run(const RunContext& context) const noexcept {
  for (std::int64_t row = 0; row < context.out[0].rows; ++row) {
    kernels_->rms_norm(context.in[0].f32(row), gamma_values_.f32(), eps_, context.out[0].f32(row),
                       context.out[0].cols);
  }
}

}  // namespace weft
