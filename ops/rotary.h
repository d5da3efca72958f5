// rotary: each row's heads turned by its position (Su et al. 2021), row-wise, before attention.
#pragma once

#include "ops/op.h"

namespace weft {

/// Inputs: x (rows, heads * head size), F32; positions (rows, 1), I32, from 0 to the table's rows,
/// which a run must have checked; table (positions fixed rows, 2 P), F32: the cosines, then the
/// sines, of P pairs' angles. Output: the shape of x; in each head the first 2 P columns are P
/// pairs (a, b), which become (a cos - b sin, b cos + a sin); further columns are copied.
class RotaryOp final : public Op {
 public:
  RotaryOp(std::int64_t heads, RotaryPairs pairs) : heads_(heads), pairs_(pairs) {}

  std::string_view name() const override { return "rotary"; }
  std::vector<ValueInfo> infer(std::span<const ValueInfo> in) const override;
  std::unique_ptr<Op> compile(const CompileContext& context) const override;
  bool reads_whole(std::size_t input) const override { return input == 2; }
  Work work(const RunContext& context) const override;
  void run(const RunContext& context) const noexcept override;

 private:
  std::int64_t heads_;
  RotaryPairs pairs_;
  // Null until compiled.
  void (*rotate_)(const float* x, const float* cos, const float* sin, float* y,
                  std::int64_t n) = nullptr;
};

}  // namespace weft
