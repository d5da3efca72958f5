// matmul: a b or a b^T where both are values; b lies in a fixed row space (a relative-position
// table, a constant), so its size is known when the graph is built. Weights belong to linear.
#pragma once

#include "ops/op.h"

namespace weft {

namespace gemm {
struct Kernels;
}

/// How the second factor is stored: (K, N) or, transposed, (N, K).
enum class MatmulForm : std::uint8_t { kPlain, kTransposed };

/// Inputs: a (rows, K) and b (K, N) or (N, K). Output: (rows, N). Row-wise in a; every call reads
/// all of b. K and N are those that b has: K = inner, N = out_cols.
class Matmul final : public Op {
 public:
  Matmul(MatmulForm form, std::int64_t inner, std::int64_t out_cols);

  std::string_view name() const override { return "matmul"; }
  std::vector<ValueInfo> infer(std::span<const ValueInfo> in) const override;
  std::unique_ptr<Op> compile(const CompileContext& context) const override;
  std::int64_t column_grain() const override;
  std::size_t scratch_bytes(const Limits& limits) const override;
  Work work(const RunContext& context) const override;
  void run(const RunContext& context) const noexcept override;

 private:
  MatmulForm form_;
  std::int64_t inner_;
  std::int64_t out_cols_;
  const gemm::Kernels* kernels_ = nullptr;  // null until compiled
};

}  // namespace weft
