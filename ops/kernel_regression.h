// kernel_regression: the estimator of Nadaraya 1964 and Watson 1964 with a Gaussian kernel, which
// is attention by distance: every query's mean of its sequence's values, the nearer the heavier.
#pragma once

#include <vector>

#include "ops/op.h"
#include "ops/query_ranges.h"
#include "weft/weight.h"

namespace weft {

struct KernelRegressionParameters {
  std::int64_t q_cols = 0;
  std::int64_t v_cols = 0;
  Weight width{};  // w, optional
};

/// Inputs: q (query rows, size), k (key rows, size), v (key rows, v_cols), F32, q's and k's rows in
/// one or two spaces of equally many sequences. Outputs: [0] f (query rows, v_cols),
///   f(q) = sum_i softmax_i(-|(q - k_i) w|^2 / 2) v_i;
/// [1] the softmax weights, per key, as AttentionOp's. w: one element, the inverse of the kernel's
/// width; without it 1.
///
/// The softmax is taken while the keys stream by: scratch does not depend on their number. A query
/// without keys gives zeros, and so do keys so far that the square of their distance is infinite.
class KernelRegressionOp final : public Op {
 public:
  explicit KernelRegressionOp(KernelRegressionParameters parameters);

  std::string_view name() const override { return "kernel_regression"; }
  std::string_view label() const override { return label_; }
  std::vector<ValueInfo> infer(std::span<const ValueInfo> in) const override;
  /// Reads w; throws Error(kInvalidArgument) unless it is finite.
  std::unique_ptr<Op> compile(const CompileContext& context) const override;
  bool row_wise() const override { return false; }
  /// Stretches of queries of equal cost, the longest sequences first.
  std::int64_t items(const RunContext& context) const override;
  std::size_t scratch_bytes(const Limits& limits) const override;
  Work work(const RunContext& context) const override;
  void run(const RunContext& context) const noexcept override;

 private:
  double flops(const RunContext& context) const;

  KernelRegressionParameters parameters_;  // without width once compiled
  std::string label_;
  float factor_ = -0.5f;                    // of the squared distance
  const simd::Kernels* kernels_ = nullptr;  // null until compiled
};

}  // namespace weft
