// layer_norm: each row centred and scaled to unit variance, then gamma and beta.
#pragma once

#include <string>
#include <vector>

#include "ops/op.h"
#include "weft/weight.h"

namespace weft {

/// Input: x (rows, cols). Output: (x - mean) / sqrt(variance + eps) * gamma + beta over each row,
/// as PyTorch's LayerNorm: the variance is that of the centred row, divided by cols.
class LayerNormOp final : public Op {
 public:
  /// gamma (cols), beta (cols) or empty. Keeps handles; nothing is read before compile().
  LayerNormOp(Weight gamma, Weight beta, float eps);

  std::string_view name() const override { return "layer_norm"; }
  std::string_view label() const override { return gamma_.name(); }
  std::vector<ValueInfo> infer(std::span<const ValueInfo> in) const override;
  std::unique_ptr<Op> compile(const CompileContext& context) const override;
  void describe(const CompileContext& context, PackKey& key) const override;
  std::size_t packed_bytes() const override;
  Work work(const RunContext& context) const override;
  void run(const RunContext& context) const noexcept override;

 private:
  Weight gamma_, beta_;
  float eps_;
  const simd::Kernels* kernels_ = nullptr;  // null until compiled, as what follows is empty
  Packed gamma_values_, beta_values_;
};

}  // namespace weft
