#include "ops/gated.h"

#include <fmt/format.h>

#include "ops/infer_checks.h"
#include "ops/simd/kernels.h"

namespace weft {

std::vector<ValueInfo> GatedOp::infer(std::span<const ValueInfo> in) const {
  expect_inputs(name(), in, 2);
  expect_f32_matrix(name(), "a", in[0]);
  expect_f32_matrix(name(), "b", in[1]);
  expect_same_rows(name(), in[0], in[1]);
  if (in[0].cols != in[1].cols) {
    throw_invalid(name(), fmt::format("expected a and b with equally many columns, found {} and {}",
                                      in[0].cols, in[1].cols));
  }
  return {in[0]};
}

std::unique_ptr<Op> GatedOp::compile(const CompileContext& context) const {
  auto compiled = std::make_unique<GatedOp>(activation_);
  compiled->kernels_ = context.kernels;
  return compiled;
}

// As activation, and one product.
Work GatedOp::work(const RunContext& context) const {
  const double elements =
      static_cast<double>(context.out[0].rows) * static_cast<double>(context.end - context.begin);
  return {.flops = 17 * elements, .bytes = 12 * elements};
}

void GatedOp::run(const RunContext& context) const noexcept {
  const std::int64_t cols = context.end - context.begin;
  for (std::int64_t row = 0; row < context.out[0].rows; ++row) {
    kernels_->gated(activation_, context.in[0].f32(row) + context.begin,
                    context.in[1].f32(row) + context.begin, context.out[0].f32(row) + context.begin,
                    cols);
  }
}

}  // namespace weft
