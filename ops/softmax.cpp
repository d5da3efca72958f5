#include "ops/softmax.h"

#include "ops/infer_checks.h"
#include "ops/simd/kernels.h"

namespace weft {

std::vector<ValueInfo> SoftmaxOp::infer(std::span<const ValueInfo> in) const {
  expect_inputs(name(), in, 1);
  expect_f32_matrix(name(), "x", in[0]);
  return {in[0]};
}

std::unique_ptr<Op> SoftmaxOp::compile(const CompileContext& context) const {
  auto compiled = std::make_unique<SoftmaxOp>();
  compiled->kernels_ = context.kernels;
  return compiled;
}

// Per element: maximum, subtraction, 12 operations of exp, sum, product.
Work SoftmaxOp::work(const RunContext& context) const {
  const double elements =
      static_cast<double>(context.out[0].rows) * static_cast<double>(context.out[0].cols);
  return {.flops = 16 * elements, .bytes = 8 * elements};
}

void SoftmaxOp::run(const RunContext& context) const noexcept {
  const Tensor& x = context.in[0];
  const Tensor& y = context.out[0];
  for (std::int64_t row = 0; row < y.rows; ++row) {
    kernels_->softmax(x.f32(row), y.f32(row), y.cols);
  }
}

}  // namespace weft
