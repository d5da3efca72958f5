// matmul: a b or a b^T where both are values; b lies in a fixed row space (a relative-position
// table, a constant). Weights belong to linear, which packs them beforehand.
#pragma once

#include "ops/op.h"

namespace weft {

namespace gemm {
struct Kernels;
}

/// How the second factor is stored: (K, N) or, transposed, (N, K).
enum class MatmulForm : std::uint8_t { kPlain, kTransposed };

/// Inputs: a (rows, K) and b (K, N) or (N, K). Output: (rows, N). Row-wise in a; every call reads
/// all of b, or all that its columns need. Each element is one chain over ascending k, as linear's.
class MatmulOp final : public Op {
 public:
  explicit MatmulOp(MatmulForm form) : form_(form) {}

  std::string_view name() const override { return "matmul"; }
  std::vector<ValueInfo> infer(std::span<const ValueInfo> in) const override;
  std::unique_ptr<Op> compile(const CompileContext& context) const override;
  bool reads_whole(std::size_t input) const override { return input == 1; }
  std::int64_t column_grain() const override;
  std::size_t scratch_bytes(const Limits& limits) const override;
  Work work(const RunContext& context) const override;
  void run(const RunContext& context) const noexcept override;

 private:
  MatmulForm form_;
  const gemm::Kernels* kernels_ = nullptr;  // null until compiled
};

}  // namespace weft
