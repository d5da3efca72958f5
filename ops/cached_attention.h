// cached_attention: attention of single query rows over keys that each names by row, the operator
// of decoding. Keys and values lie wherever they were written (a cache, the keys of all sources):
// beams share and reorder row numbers, never bytes, and looking at one's own past and at a source
// is one operator.
#pragma once

#include <vector>

#include "ops/op.h"

namespace weft {

/// Whether a query row's own key and value are written to the cache first.
enum class Append : std::uint8_t { kNo, kYes };

struct CachedAttentionParameters {
  std::int64_t heads = 1;
  std::int64_t q_cols = 0;  // heads * head size of q and keys
  std::int64_t v_cols = 0;  // heads * head size of values
  float scale = 0;          // 0: 1 / sqrt(head size of q)
  Append append = Append::kNo;
  bool has_bias = false;
};

/// Inputs, F32 where nothing is said:
/// - q (query rows, q_cols), each query row a sequence of its own;
/// - key_rows, I32 (listed rows, 1): sequence r lists, in order, the rows of keys that query row r
///   sees;
/// - keys (any rows, q_cols) and values (the same rows, v_cols);
/// - with kYes: new_keys (query rows, q_cols), new_values (query rows, v_cols), new_rows I32 (query
///   rows, 1): row r of both is written to row new_rows[r] of keys and values before query r looks.
///   No other query may list or write that row;
/// - the bias by distance, (heads fixed rows, 2 R + 1): column R + j - (listed - 1) is added to the
///   scaled score of the query's j-th of `listed` keys, the outermost column beyond R.
/// Outputs: [0] the context (query rows, v_cols), softmax(scale q k^T + bias) v in each head; [1]
/// the softmax weights, per key: head h, the query's j-th key at h * longest + j, longest being the
/// run's longest list, zeros beyond the query's own. Asking for [1] does not change [0].
///
/// A row's result depends on the keys and values it lists and on their order only.
/// run() trusts the row numbers: the session checks them before.
class CachedAttentionOp final : public Op {
 public:
  explicit CachedAttentionOp(CachedAttentionParameters parameters);

  static constexpr std::size_t kKeyRowsInput = 1;
  static constexpr std::size_t kKeysInput = 2;

  std::string_view name() const override { return "cached_attention"; }
  std::vector<ValueInfo> infer(std::span<const ValueInfo> in) const override;
  std::unique_ptr<Op> compile(const CompileContext& context) const override;
  bool row_wise() const override { return false; }
  bool finds_rows(std::size_t input) const override {
    return input == kKeysInput || input == kKeysInput + 1;
  }
  /// Query rows; with few of them, heads of query rows.
  std::int64_t items(const RunContext& context) const override;
  std::size_t scratch_bytes(const Limits& limits) const override;
  Work work(const RunContext& context) const override;
  void run(const RunContext& context) const noexcept override;

 private:
  void check_append(std::span<const ValueInfo> in) const;
  void run_heads(const RunContext& context, std::int64_t row, std::int64_t first_head,
                 std::int64_t heads) const noexcept;
  std::int64_t qk_size() const { return parameters_.q_cols / parameters_.heads; }
  std::int64_t v_size() const { return parameters_.v_cols / parameters_.heads; }

  CachedAttentionParameters parameters_;
  const simd::Kernels* kernels_ = nullptr;  // null until compiled
};

}  // namespace weft
