// embedding: the sum of table look-ups by ids, token types, positions; any number of them.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ops/op.h"
#include "weft/weight.h"

namespace weft {

/// A table in memory: F32, F16 or BF16.
struct EmbeddingTable {
  Packed data;
  DType dtype;
};

/// The tables of one model while it is compiled: an encoder and a decoder that embed by the same
/// stored tensor get one copy.
class TableCache {
 public:
  std::shared_ptr<const EmbeddingTable> get(const Weight& table, PackStore* store);

 private:
  std::map<std::pair<const void*, std::int64_t>, std::weak_ptr<const EmbeddingTable>> tables_;
};

/// Inputs: one id per row and table, I32 (rows, 1), all of one row space. Output: (rows, hidden),
/// tables[0][ids0] + tables[1][ids1] + ... in this order, as sums of PyTorch's Embedding.
/// run() trusts the ids to lie in [0, entries(i)): the caller checks them before.
class EmbeddingOp final : public Op {
 public:
  /// Tables (entries, hidden). They stay in the stored dtype when that is F32, F16 or BF16 and are
  /// widened exactly where they are read; F64 is rounded to F32 when compiled.
  explicit EmbeddingOp(std::vector<Weight> tables);

  std::string_view name() const override { return "embedding"; }
  std::string_view label() const override { return label_; }
  /// Number of entries of table i: the ids of input i lie below it.
  std::int64_t entries(std::size_t i) const { return tables_[i].rows(); }
  /// Throws Error(kUnsupported) naming a table of another dtype.
  std::vector<ValueInfo> infer(std::span<const ValueInfo> in) const override;
  std::unique_ptr<Op> compile(const CompileContext& context) const override;
  void describe(const CompileContext& context, PackKey& key) const override;
  std::int64_t column_grain() const override { return 16; }
  std::size_t scratch_bytes(const Limits& limits) const override;
  /// Of shared tables, those that were read for this operator.
  std::size_t packed_bytes() const override { return packed_bytes_; }
  Work work(const RunContext& context) const override;
  void run(const RunContext& context) const noexcept override;

 private:
  void widen(const EmbeddingTable& table, std::int64_t first_element, std::int64_t n,
             float* y) const noexcept;

  std::vector<Weight> tables_;
  std::string label_;
  const simd::Kernels* kernels_ = nullptr;  // null until compiled, as packed_ is empty
  std::vector<std::shared_ptr<const EmbeddingTable>> packed_;
  std::size_t packed_bytes_ = 0;
};

}  // namespace weft
