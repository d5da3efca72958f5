// additive_attention: softmax(w . tanh(q + k)) v within each sequence, the scoring of Bahdanau et
// al. 2015, for queries and keys whose projections q and k have one width.
#pragma once

#include <vector>

#include "ops/op.h"
#include "ops/query_ranges.h"
#include "weft/weight.h"

namespace weft {

struct AdditiveParameters {
  Weight weights;  // w: as many elements as q and k have columns
  KeyRule keys = KeyRule::kAll;
  int lengths_input = -1;  // which input holds the key lengths; -1: none
  LengthsPer lengths_per = LengthsPer::kSequence;
};

/// Inputs: q (query rows, size), k (key rows, size), v (key rows, v_cols), F32, q's and k's rows in
/// one or two spaces of equally many sequences; optionally key lengths, I32, as AttentionOp's.
/// Outputs: [0] context (query rows, v_cols); [1] the softmax weights, per key, as AttentionOp's.
///
/// Scores of one query are all that is kept: never tanh(q + k) beyond a pair of registers. Keys
/// that a query does not see are not read; a query without keys gives zeros.
class AdditiveAttentionOp final : public Op {
 public:
  explicit AdditiveAttentionOp(AdditiveParameters parameters);

  std::string_view name() const override { return "additive_attention"; }
  std::string_view label() const override { return label_; }
  std::vector<ValueInfo> infer(std::span<const ValueInfo> in) const override;
  std::unique_ptr<Op> compile(const CompileContext& context) const override;
  bool row_wise() const override { return false; }
  /// Stretches of queries of equal cost, the longest sequences first.
  std::int64_t items(const RunContext& context) const override;
  std::size_t scratch_bytes(const Limits& limits) const override;
  std::size_t packed_bytes() const override { return weights_.size() * sizeof(float); }
  Work work(const RunContext& context) const override;
  void run(const RunContext& context) const noexcept override;

 private:
  double flops(const RunContext& context) const;
  std::int64_t visible_keys(const RunContext& context, std::int64_t sequence,
                            std::int64_t query) const noexcept;
  void run_query(const RunContext& context, std::int64_t sequence,
                 std::int64_t query) const noexcept;

  AdditiveParameters parameters_;  // without weights once compiled
  std::string label_;
  std::vector<float> weights_;              // empty until compiled
  const simd::Kernels* kernels_ = nullptr;  // null until compiled
};

}  // namespace weft
