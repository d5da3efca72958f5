// activation: y = f(x), element by element, where it does not follow a linear (which fuses it).
#pragma once

#include "ops/op.h"

namespace weft {

/// Input: x (rows, cols). Output: the same shape. The functions are those of PyTorch: relu, silu,
/// tanh, sigmoid, gelu (erf) and gelu(approximate="tanh").
class ActivationOp final : public Op {
 public:
  explicit ActivationOp(Activation activation) : activation_(activation) {}

  std::string_view name() const override { return "activation"; }
  std::string_view label() const override { return to_string(activation_); }
  std::vector<ValueInfo> infer(std::span<const ValueInfo> in) const override;
  std::unique_ptr<Op> compile(const CompileContext& context) const override;
  std::int64_t column_grain() const override { return 16; }
  Work work(const RunContext& context) const override;
  void run(const RunContext& context) const noexcept override;

 private:
  Activation activation_;
  const simd::Kernels* kernels_ = nullptr;  // null until compiled
};

}  // namespace weft
