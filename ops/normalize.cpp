#include "ops/normalize.h"

#include "ops/infer_checks.h"
#include "ops/simd/kernels.h"

namespace weft {

std::vector<ValueInfo> NormalizeOp::infer(std::span<const ValueInfo> in) const {
  expect_inputs(name(), in, 1);
  expect_f32_matrix(name(), "x", in[0]);
  return {in[0]};
}

std::unique_ptr<Op> NormalizeOp::compile(const CompileContext& context) const {
  auto compiled = std::make_unique<NormalizeOp>();
  compiled->kernels_ = context.kernels;
  return compiled;
}

// Per element: maximum, square, sum, two products.
Work NormalizeOp::work(const RunContext& context) const {
  const double elements =
      static_cast<double>(context.out[0].rows) * static_cast<double>(context.out[0].cols);
  return {.flops = 5 * elements, .bytes = 8 * elements};
}

void NormalizeOp::run(const RunContext& context) const noexcept {
  const Tensor& x = context.in[0];
  const Tensor& y = context.out[0];
  for (std::int64_t row = 0; row < y.rows; ++row) {
    kernels_->normalize(x.f32(row), y.f32(row), y.cols);
  }
}

}  // namespace weft
