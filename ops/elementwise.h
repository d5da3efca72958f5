// add and multiply: two matrices of one shape, element by element.
#pragma once

#include "ops/op.h"

namespace weft {

enum class Elementwise : std::uint8_t { kAdd, kMultiply };

/// Inputs: a, b (rows, cols), of one row space. Output: a + b or a * b, the same shape.
class ElementwiseOp final : public Op {
 public:
  explicit ElementwiseOp(Elementwise operation) : operation_(operation) {}

  std::string_view name() const override {
    return operation_ == Elementwise::kAdd ? "add" : "multiply";
  }
  std::vector<ValueInfo> infer(std::span<const ValueInfo> in) const override;
  std::unique_ptr<Op> compile(const CompileContext& context) const override;
  std::int64_t column_grain() const override { return 16; }
  Work work(const RunContext& context) const override;
  void run(const RunContext& context) const noexcept override;

 private:
  Elementwise operation_;
  void (*kernel_)(const float* a, const float* b, float* y, std::int64_t n) = nullptr;
};

}  // namespace weft
