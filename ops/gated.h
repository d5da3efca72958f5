// gated: f(a) * b, element by element, the middle of a gated feed-forward layer (Shazeer 2020).
#pragma once

#include "ops/op.h"

namespace weft {

/// Inputs: a, b (rows, cols), of one row space. Output: activation(a) * b, the same shape.
class GatedOp final : public Op {
 public:
  explicit GatedOp(Activation activation) : activation_(activation) {}

  std::string_view name() const override { return "gated"; }
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
