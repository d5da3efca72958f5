// What the operators in which queries look at keys have in common: checks, and a run's queries cut
// into items of equal cost.
#pragma once

#include <algorithm>
#include <cstdint>

#include "ops/op.h"

namespace weft {

/// Of what a row of the key lengths speaks.
enum class LengthsPer : std::uint8_t { kQuery, kSequence };

/// Throws "[name] ..." unless k and v lie in one row space and it is ragged if, and only if, q's
/// is.
void expect_keys(std::string_view name, const ValueInfo& q, const ValueInfo& k, const ValueInfo& v);
/// Throws unless `lengths` is I32 of one column, rows as q's if there is one per query.
void expect_key_lengths(std::string_view name, const ValueInfo& lengths, LengthsPer per,
                        const ValueInfo& q);
/// Throws unless `bias` is an F32 matrix of `heads` fixed rows and an odd number of columns, one
/// per distance key - query from -R to R.
void expect_distance_bias(std::string_view name, const ValueInfo& bias, std::int64_t heads);

/// Rows [first, first + count) of a sequence.
struct SequenceRows {
  std::int64_t first = 0;
  std::int64_t count = 0;
};
inline SequenceRows rows_of(const RowsView& view, std::int64_t sequence) {
  const auto i = static_cast<std::size_t>(sequence);
  return {view.offsets[i], view.offsets[i + 1] - view.offsets[i]};
}

/// Pairs of a query and a key of its sequence.
double query_key_pairs(const RowsView& queries, const RowsView& keys);

/// How many items to cut a run of `flops` into: a multiple of the threads, none so small that
/// fetching it is felt.
std::int64_t items_for(double flops, int threads);

/// The work of items [context.begin, context.end) when a run of `flops` is cut by items_for: their
/// share of it, and of the bytes of q, k, v and the context. `columns` are those of q and v
/// together.
Work work_of_items(const RunContext& context, double flops, std::int64_t columns);

/// Lays a run's queries on a line, sequence by sequence, the longest first, `grain` at a time; a
/// grain's length on it is its sequence's keys and one. Calls visit(sequence, first query, last
/// query) for the stretches of items [begin, end) of `items` equal ones: a grain belongs to the
/// item in which it begins.
template <typename Visit>
void for_each_query_range(const RowsView& queries, const RowsView& keys, std::int64_t grain,
                          std::int64_t begin, std::int64_t end, std::int64_t items, Visit visit) {
  const auto grains_of = [&](std::int64_t sequence) {
    return (rows_of(queries, sequence).count + grain - 1) / grain;
  };
  const auto cost_of = [&](std::int64_t sequence) { return rows_of(keys, sequence).count + 1; };
  double total = 0;
  for (std::int64_t s = 0; s < queries.sequences(); ++s) {
    total += static_cast<double>(grains_of(s)) * static_cast<double>(cost_of(s));
  }
  const double item = total / static_cast<double>(items);
  const double first_place = static_cast<double>(begin) * item;
  // Everything that is left belongs to the last item, whatever the rounding.
  const double last_place = end == items ? 2 * total + 1 : static_cast<double>(end) * item;
  double position = 0;
  for (const std::int32_t sequence : queries.by_length) {
    if (position >= last_place) return;
    const std::int64_t grains = grains_of(sequence);
    const auto cost = static_cast<double>(cost_of(sequence));
    const auto grain_at = [&](double place) {
      if (place <= position) return std::int64_t{0};
      const double at = (place - position) / cost;
      if (at >= static_cast<double>(grains)) return grains;
      const auto whole = static_cast<std::int64_t>(at);
      return whole + (static_cast<double>(whole) < at ? 1 : 0);
    };
    const std::int64_t first = grain_at(first_place), last = grain_at(last_place);
    if (first < last) {
      visit(static_cast<std::int64_t>(sequence), first * grain,
            std::min(last * grain, rows_of(queries, sequence).count));
    }
    position += static_cast<double>(grains) * cost;
  }
}

}  // namespace weft
