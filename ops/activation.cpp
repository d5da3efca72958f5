#include "ops/activation.h"

#include "ops/infer_checks.h"
#include "ops/simd/kernels.h"

namespace weft {

std::vector<ValueInfo> ActivationOp::infer(std::span<const ValueInfo> in) const {
  expect_inputs(name(), in, 1);
  expect_f32_matrix(name(), "x", in[0]);
  return {in[0]};
}

std::unique_ptr<Op> ActivationOp::compile(const CompileContext& context) const {
  auto compiled = std::make_unique<ActivationOp>(activation_);
  compiled->kernels_ = context.kernels;
  return compiled;
}

// 16 operations per element stand for every function: gelu's polynomial has 15 of them.
Work ActivationOp::work(const RunContext& context) const {
  const double elements =
      static_cast<double>(context.out[0].rows) * static_cast<double>(context.end - context.begin);
  return {.flops = 16 * elements, .bytes = 8 * elements};
}

void ActivationOp::run(const RunContext& context) const noexcept {
  const std::int64_t cols = context.end - context.begin;
  for (std::int64_t row = 0; row < context.out[0].rows; ++row) {
    kernels_->activation(activation_, context.in[0].f32(row) + context.begin,
                         context.out[0].f32(row) + context.begin, cols);
  }
}

}  // namespace weft
