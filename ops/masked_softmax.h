// masked_softmax: softmax over the first columns of each row, for graphs that need it apart from
// attention (which masks by itself).
#pragma once

#include "ops/op.h"
#include "ops/query_ranges.h"

namespace weft {

struct MaskedSoftmaxParameters {
  KeyRule keys = KeyRule::kAll;  // kCausal: row i of a sequence sees columns 0 .. i
  int lengths_input = -1;        // which input holds the lengths; -1: none
  LengthsPer lengths_per = LengthsPer::kSequence;
};

/// Inputs: x (rows, cols), F32; optionally lengths, I32, one per row of x or one per sequence,
/// which a run must give from 0 to cols: only columns below it are seen. Output: the softmax over
/// the columns seen, 0 in the others, which are not read (NaN there does not matter); zeros if none
/// is.
class MaskedSoftmaxOp final : public Op {
 public:
  explicit MaskedSoftmaxOp(MaskedSoftmaxParameters parameters) : parameters_(parameters) {}

  std::string_view name() const override { return "masked_softmax"; }
  std::vector<ValueInfo> infer(std::span<const ValueInfo> in) const override;
  std::unique_ptr<Op> compile(const CompileContext& context) const override;
  /// A row alone knows neither its sequence nor its place in it.
  bool row_wise() const override;
  std::int64_t items(const RunContext& context) const override;
  Work work(const RunContext& context) const override;
  void run(const RunContext& context) const noexcept override;

 private:
  void run_row(const RunContext& context, std::int64_t row, std::int64_t seen) const noexcept;

  MaskedSoftmaxParameters parameters_;
  const simd::Kernels* kernels_ = nullptr;  // null until compiled
};

}  // namespace weft
