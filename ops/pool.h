// pool: the rows of each sequence become one row, the sentence embedding before its last steps.
#pragma once

#include "ops/op.h"

namespace weft {

/// Inputs: x (rows, cols) and, optionally, skip (sequences, 1), I32: leading rows of each sequence
/// to leave out (the prompt's). Output: (sequences, cols). What sentence-transformers' Pooling
/// computes: the rows that are left are as the whole sequence, but weights of kWeightedMean stay
/// those of the positions in the whole one. A sequence of which nothing is left gives zeros.
class PoolOp final : public Op {
 public:
  /// `sequences`: id of the output's row space, one row per sequence of x.
  PoolOp(Pooling pooling, std::int32_t sequences) : pooling_(pooling), sequences_(sequences) {}

  std::string_view name() const override { return "pool"; }
  std::string_view label() const override { return to_string(pooling_); }
  std::vector<ValueInfo> infer(std::span<const ValueInfo> in) const override;
  std::unique_ptr<Op> compile(const CompileContext& context) const override;
  bool row_wise() const override { return false; }
  /// One item per sequence, the longest first.
  std::int64_t items(const RunContext& context) const override;
  Work work(const RunContext& context) const override;
  void run(const RunContext& context) const noexcept override;

 private:
  // Rows [first, last) of the tensor, the sequence's first row being `start`.
  struct Rows {
    std::int64_t start, first, last;
  };
  Rows rows_of_item(const RunContext& context, std::int64_t item, std::int64_t* sequence) const;
  void pool_rows(const Tensor& x, const Rows& rows, float* y) const noexcept;

  Pooling pooling_;
  std::int32_t sequences_;
  const simd::Kernels* kernels_ = nullptr;  // null until compiled
};

}  // namespace weft
