// normalize: each row scaled to length one, the last step of sentence embeddings.
#pragma once

#include "ops/op.h"

namespace weft {

/// Input: x (rows, cols). Output: x / max(||x||_2, 1e-12), as PyTorch's normalize(p=2, dim=-1); a
/// row of zeros stays zero. Squares that float cannot hold do not matter: 1e30 is as good as 1.
class NormalizeOp final : public Op {
 public:
  std::string_view name() const override { return "normalize"; }
  std::vector<ValueInfo> infer(std::span<const ValueInfo> in) const override;
  std::unique_ptr<Op> compile(const CompileContext& context) const override;
  Work work(const RunContext& context) const override;
  void run(const RunContext& context) const noexcept override;

 private:
  const simd::Kernels* kernels_ = nullptr;  // null until compiled
};

}  // namespace weft
