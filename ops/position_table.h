// position_table: which rows of a table of relative positions disentangled attention uses, and the
// operator that brings them into the form in which attention reads them.
#pragma once

#include <vector>

#include "ops/op.h"

namespace weft {

/// The rows that distances (query position - key position) from -radius to radius use; those
/// beyond, the outermost. Neighbouring distances use one row or neighbouring rows of `used`.
struct PositionRows {
  std::int64_t radius = 0;
  std::vector<std::int32_t> by_distance;  // (2 radius + 1): index into `used`, never falling
  std::vector<std::int32_t> used;         // rows of the table, rising
};

/// As DeBERTa-v2: row = span + bucket, kept within the 2 span rows of a table. Without buckets (0)
/// span is max_distance and every distance a bucket; else span is `buckets`, distances up to half
/// of it are buckets and farther ones up to max_distance share logarithmic ranges, computed in f32
/// as transformers' make_log_bucket_position. Throws Error(kInvalidArgument) beginning with `name`.
PositionRows position_rows(std::string_view name, std::int64_t buckets, std::int64_t max_distance);

/// How many rows a table has for them.
std::int64_t position_table_rows(std::int64_t buckets, std::int64_t max_distance);

enum class PositionForm : std::uint8_t { kRows, kPanels };

/// Floats of one head of `size` columns.
std::int64_t position_columns(PositionForm form, std::int64_t used, std::int64_t size);

/// Input: x (n fixed rows, heads * size), F32. Output: the used rows of x, head by head, each
/// head's in one row: (heads, position_columns()), the row's elements being (used, size), or panels
/// of 32 used rows as columns, (used / 32, size, 32), zeros beyond the last. Of constants, computed
/// once.
class PositionTableOp final : public Op {
 public:
  /// `out_rows`: the row space of the output, of `heads` fixed rows.
  PositionTableOp(PositionForm form, std::vector<std::int32_t> used, std::int64_t heads,
                  std::int32_t out_rows)
      : form_(form), used_(std::move(used)), heads_(heads), out_rows_(out_rows) {}

  std::string_view name() const override { return "position_table"; }
  std::vector<ValueInfo> infer(std::span<const ValueInfo> in) const override;
  std::unique_ptr<Op> compile(const CompileContext& context) const override;
  void describe(const CompileContext& context, PackKey& key) const override;
  bool row_wise() const override { return false; }
  std::int64_t items(const RunContext&) const override { return 1; }
  Work work(const RunContext& context) const override;
  void run(const RunContext& context) const noexcept override;

 private:
  PositionForm form_;
  std::vector<std::int32_t> used_;
  std::int64_t heads_;
  std::int32_t out_rows_;
};

}  // namespace weft
