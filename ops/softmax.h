// softmax over each row, for graphs that need it apart from attention (which has its own).
#pragma once

#include "ops/op.h"

namespace weft {

/// Input: x (rows, cols). Output: exp(x - max) / sum of exp(x - max) over each row, as PyTorch's
/// softmax(dim=-1); a row of -infinity alone gives zeros, not NaN.
class SoftmaxOp final : public Op {
 public:
  std::string_view name() const override { return "softmax"; }
  std::vector<ValueInfo> infer(std::span<const ValueInfo> in) const override;
  std::unique_ptr<Op> compile(const CompileContext& context) const override;
  Work work(const RunContext& context) const override;
  void run(const RunContext& context) const noexcept override;

 private:
  const simd::Kernels* kernels_ = nullptr;  // null until compiled
};

}  // namespace weft
