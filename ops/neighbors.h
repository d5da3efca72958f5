// neighbors: each row together with the rows around it, so that a convolution over a sequence is a
// linear layer over the result.
#pragma once

#include "ops/op.h"

namespace weft {

/// Input: x (rows, cols). Output: (rows, cols * width), width odd: y[t, c * width + j] =
/// x[t + j - (width - 1) / 2, c] within the sequence of t, 0 beyond its ends. This is the order of
/// torch's Conv1d weight (out, cols, width), flattened.
class NeighborsOp final : public Op {
 public:
  explicit NeighborsOp(std::int64_t width) : width_(width) {}

  std::string_view name() const override { return "neighbors"; }
  std::vector<ValueInfo> infer(std::span<const ValueInfo> in) const override;
  std::unique_ptr<Op> compile(const CompileContext& context) const override;
  bool row_wise() const override { return false; }
  /// One item per sequence, the longest first.
  std::int64_t items(const RunContext& context) const override;
  Work work(const RunContext& context) const override;
  void run(const RunContext& context) const noexcept override;

 private:
  std::int64_t width_;
};

}  // namespace weft
