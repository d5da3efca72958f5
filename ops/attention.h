// attention: softmax(scale q k^T + bias) v within each sequence and head. Heads are column slices
// of q, k and v; nothing is padded, split or copied apart.
#pragma once

#include <vector>

#include "ops/op.h"
#include "ops/position_table.h"
#include "ops/query_ranges.h"

namespace weft {

namespace simd {
struct AttentionKernels;
struct PositionTables;
}  // namespace simd

struct AttentionParameters {
  std::int64_t heads = 1;
  std::int64_t q_cols = 0;  // heads * head size of q and k
  std::int64_t v_cols = 0;  // heads * head size of v
  float scale = 0;          // 0: 1 / sqrt(head size of q)
  KeyRule keys = KeyRule::kAll;
  std::int64_t window = 0;  // > 0: |key position - query position| <= window
  int bias_input = -1;      // which input is the bias by distance; -1: none
  int lengths_input = -1;   // which input holds the key lengths; -1: none
  LengthsPer lengths_per = LengthsPer::kSequence;
  int position_keys_input = -1;  // which input is each position table; -1: none
  int position_queries_input = -1;
  PositionRows position_rows{};
};

/// Inputs: q (query rows, q_cols), k (key rows, q_cols), v (key rows, v_cols), F32. q's and k's
/// rows may lie in different spaces; a run must give both equally many sequences, and sequence i of
/// q sees sequence i of k and nothing else. Outputs: [0] context (query rows, v_cols); [1] the
/// softmax weights, per key: head h, key j of a query's row at h * longest + j, longest being the
/// run's longest key sequence; zeros for keys that the query does not see and beyond its sequence.
/// Asking for [1] does not change the bits of [0].
///
/// A query's position among the keys is its row in the sequence; with kCausal, which aligns the
/// last query with the last key, + keys - queries.
///
/// Further inputs, optional:
/// - the bias by distance, F32 (heads fixed rows, 2 R + 1 columns), finite: column R + key position
///   - query position is added to the scaled score, the outermost column for distances beyond R;
/// - key lengths, I32 (query rows or sequences, 1): only keys below the length, which a run must
///   give from 0 to the sequence's keys, are seen;
/// - position keys and position queries, F32, constants made by PositionTableOp in the forms kRows
///   and kPanels: disentangled attention, He et al. 2021, eq. 3: scale times the query's product
///   with the position key, and the key's with the position query, of row by_distance[query
///   position - key position] is added to the score.
///
/// A key that a query may not see contributes exactly nothing, whatever its values (NaN too); a
/// query without keys gives zeros. Equals Vaswani et al. 2017, eq. 1, and PyTorch's
/// scaled_dot_product_attention. With a window, time and scratch grow with the window, not with the
/// sequence.
///
/// Compiled for bf16 (CompileContext::attention), k, v, the scaled queries and the softmax weights
/// are rounded to bfloat16 before the products, whose sums are F32; all else, the weights that [1]
/// gives and position terms too, is as in F32. Subnormal numbers are zero there.
class AttentionOp final : public Op {
 public:
  explicit AttentionOp(AttentionParameters parameters);

  std::string_view name() const override { return "attention"; }
  std::vector<ValueInfo> infer(std::span<const ValueInfo> in) const override;
  std::unique_ptr<Op> compile(const CompileContext& context) const override;
  bool row_wise() const override { return false; }
  /// Items are stretches of equal cost of the run's (sequence, head, query) cells, the longest
  /// sequences first: a long head is cut between queries, many short ones share an item.
  std::int64_t items(const RunContext& context) const override;
  std::size_t scratch_bytes(const Limits& limits) const override;
  std::string kernel() const override;  ///< empty in f32
  Work work(const RunContext& context) const override;
  void run(const RunContext& context) const noexcept override;
  const AttentionParameters& parameters() const noexcept { return parameters_; }

 private:
  // Queries [first, last) of one head of one sequence, and the sequence's rows.
  struct Piece {
    std::int64_t sequence, head, first_query, last_query;
  };
  template <typename Visit>
  void for_each_piece(const RunContext& context, Visit visit) const noexcept;
  simd::PositionTables positions_of(const RunContext& context, std::int64_t head) const noexcept;
  void run_piece(const RunContext& context, const Piece& piece) const noexcept;
  void check_sizes(std::span<const ValueInfo> in) const;
  void check_positions(std::span<const ValueInfo> in) const;
  std::int64_t total_cost(const RunContext& context) const noexcept;
  double total_flops(const RunContext& context) const noexcept;
  double position_flops(const RunContext& context) const noexcept;  // beside total_flops()
  std::int64_t qk_size() const { return parameters_.q_cols / parameters_.heads; }
  std::int64_t v_size() const { return parameters_.v_cols / parameters_.heads; }

  AttentionParameters parameters_;
  const simd::AttentionKernels* kernels_ = nullptr;  // null until compiled
};

}  // namespace weft
