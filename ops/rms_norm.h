// rms_norm: each row scaled to a root mean square of one, then gamma (Zhang and Sennrich 2019).
#pragma once

#include <vector>

#include "ops/op.h"
#include "weft/weight.h"

namespace weft {

/// Input: x (rows, cols). Output: x / sqrt(mean of x^2 + eps) * gamma over each row, as
/// transformers' T5LayerNorm.
class RmsNormOp final : public Op {
 public:
  /// gamma (cols). Keeps a handle; nothing is read before compile().
  RmsNormOp(Weight gamma, float eps);

  std::string_view name() const override { return "rms_norm"; }
  std::string_view label() const override { return gamma_.name(); }
  std::vector<ValueInfo> infer(std::span<const ValueInfo> in) const override;
  std::unique_ptr<Op> compile(const CompileContext& context) const override;
  void describe(const CompileContext& context, PackKey& key) const override;
  std::size_t packed_bytes() const override;
  Work work(const RunContext& context) const override;
  void run(const RunContext& context) const noexcept override;

 private:
  Weight gamma_;
  float eps_;
  const simd::Kernels* kernels_ = nullptr;  // null until compiled, as the values are empty
  Packed gamma_values_;
};

}  // namespace weft
