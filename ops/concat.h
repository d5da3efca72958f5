// concat: matrices of one row space side by side.
#pragma once

#include "ops/op.h"

namespace weft {

/// Inputs: at least one matrix, all of one row space. Output: (rows, sum of cols), in their order.
class ConcatOp final : public Op {
 public:
  std::string_view name() const override { return "concat"; }
  std::vector<ValueInfo> infer(std::span<const ValueInfo> in) const override;
  std::unique_ptr<Op> compile(const CompileContext& context) const override;
  Work work(const RunContext& context) const override;
  void run(const RunContext& context) const noexcept override;
};

}  // namespace weft
