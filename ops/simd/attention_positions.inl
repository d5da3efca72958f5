// The two position terms of disentangled attention (He et al. 2021), added to a block's scores:
//   content to position   q_i . position_keys[row(i - j)]
//   position to content   k_j . position_queries[row(i - j)]
// The first is a product of the rows that a block meets with its queries, which must be skewed: key
// j's lane l is row (l - j)'s lane l. The second is, for a tile of keys, a product with the columns
// of the rows that the tile meets, of which each key takes a stretch of its own: as many as there
// are queries, and the tile some more; so several blocks share it.
#pragma once

#include "ops/simd/attention_block.inl"

namespace weft::simd {
namespace {

inline int64_t position_row(const PositionTables& positions, int64_t distance) {
  const int64_t radius = positions.radius;
  const int64_t nearest = distance < -radius ? -radius : distance > radius ? radius : distance;
  return positions.rows[radius + nearest];
}

// Whether each of n distances from `distance` on has a row of its own.
inline bool rows_rise(const PositionTables& positions, int64_t distance, int64_t n) {
  return position_row(positions, distance + n - 1) - position_row(positions, distance) == n - 1;
}

// Distances are query position - key position; the block's smallest belongs to its last key.
inline int64_t smallest_distance(const AttentionCall& call, const QueryBlock& block) {
  return block.first + call.query_offset - (block.seen.last - 1);
}

// by_row (rows, lanes) = rows [first, last) of the position keys times the queries in kVectors
// vectors from `column` on. by_row begins with row first_row.
inline void multiply_position_keys(const AttentionCall& call, const AttentionScratch& scratch,
                                   int64_t lanes, int64_t column, int vectors, int64_t first_row,
                                   KeyRange rows) {
  const PositionTables& positions = call.positions;
  for (int64_t row = rows.first; row < rows.last;) {
    const int64_t end = tile_end(row, rows.last);
    kTiles.score[vectors][end - row]({.a = positions.keys + row * call.qk_size,
                                      .a_row = call.qk_size,
                                      .a_col = 1,
                                      .b = scratch.queries + column,
                                      .b_stride = lanes,
                                      .depth = call.qk_size,
                                      .sums = scratch.by_row + (row - first_row) * lanes + column,
                                      .sums_stride = lanes,
                                      .falling = nullptr});
    row = end;
  }
}

// scores[n - 1 - i][lane] += rows(i + lane)[lane] for i in [0, n), n <= kSkewedKeys.
constexpr int64_t kSkewedKeys = 32;
template <typename Rows>
[[gnu::always_inline]] inline void add_skewed(Rows rows, int64_t n, float* scores,
                                              int64_t scores_stride) {
  // within[i][lane] = rows(i + lane % 4)[lane]
  alignas(64) float within[(kSkewedKeys + kWidth - 4) * kWidth];
  Vec last = rows(2);
  Vec pair = lanes_with_bit<1>(rows(0), rows(1));
  Vec next_pair = lanes_with_bit<1>(rows(1), last);
  for (int64_t i = 0; i < n + kWidth - 4; ++i) {
    const Vec row = rows(i + 3);
    const Vec pair_after = lanes_with_bit<1>(last, row);
    store(within + i * kWidth, lanes_with_bit<2>(pair, pair_after));
    pair = next_pair;
    next_pair = pair_after;
    last = row;
  }
  for (int64_t i = 0; i < n; ++i) {
    const auto group = [&](int64_t g) { return load(within + (i + 4 * g) * kWidth); };
    Vec skewed = group(0);
    if constexpr (kWidth > 4) skewed = lanes_with_bit<4>(skewed, group(1));
    if constexpr (kWidth > 8) {
      skewed = lanes_with_bit<8>(skewed, lanes_with_bit<4>(group(2), group(3)));
    }
    float* row = scores + (n - 1 - i) * scores_stride;
    store(row, load(row) + skewed);
  }
}

void add_content_to_position(const AttentionCall& call, const QueryBlock& block,
                             const AttentionScratch& scratch) {
  const PositionTables& positions = call.positions;
  const int64_t lanes = block.lanes(), keys = block.keys();
  const int64_t smallest = smallest_distance(call, block);
  const int64_t first_row = position_row(positions, smallest);
  const auto rows_met = [&](int64_t column) {
    return KeyRange{position_row(positions, smallest + column),
                    position_row(positions, smallest + column + keys + kWidth - 2) + 1};
  };
  const auto multiply = [&](int64_t column, int vectors, KeyRange rows) {
    multiply_position_keys(call, scratch, lanes, column, vectors, first_row, rows);
  };
  for (int64_t column = 0; column < lanes; column += kTileVectors * kWidth) {
    const KeyRange left = rows_met(column);
    if (column + kWidth == lanes) {
      multiply(column, 1, left);
      continue;
    }
    const KeyRange right = rows_met(column + kWidth);
    multiply(column, 1, {left.first, smaller(left.last, right.first)});
    multiply(column, 2, {right.first, left.last});
    multiply(column + kWidth, 1, {larger(left.last, right.first), right.last});
  }
  for (int64_t column = 0; column < lanes; column += kWidth) {
    for (int64_t last = keys; last > 0; last -= kSkewedKeys) {
      const int64_t n = smaller(last, kSkewedKeys);
      const int64_t distance = smallest + column + keys - last;
      const float* by_row = scratch.by_row + column;
      float* scores = scratch.scores + (last - n) * lanes + column;
      const auto row_of = [&](int64_t i) {
        return by_row + (position_row(positions, distance + i) - first_row) * lanes;
      };
      if (rows_rise(positions, distance, n + kWidth - 1)) {
        const float* first = row_of(0);
        add_skewed([=](int64_t i) { return load(first + i * lanes); }, n, scores, lanes);
      } else {
        add_skewed([&](int64_t i) { return load(row_of(i)); }, n, scores, lanes);
      }
    }
  }
}

// The queries that share products of keys with position queries, and the keys that any of them
// sees.
struct QueryGroup {
  int64_t first, last;
  KeyRange keys;
};

inline QueryGroup group_of(const AttentionCall& call, const QueryBlock& block) {
  const int64_t most = call.window > 0 ? kBlockQueries : kGroupQueries;
  QueryGroup group{};
  group.first = block.first - (block.first - call.first_query) % most;
  group.last = smaller(group.first + most, call.last_query);
  group.keys = keys_seen(call, group.first, group.last);
  return group;
}

// Asks for [next, end) into L2, some lines at a time. The position tables of all layers are larger
// than the caches and come from memory for every text (128 tokens, DeBERTa-v3-base: 226 thousand
// cycles a head without it, 209 with it, 175 if they lay in L2).
struct LinesAhead {
  const float *next, *end;
  [[gnu::always_inline]] void ask(int lines) {
    for (; lines > 0 && next < end; --lines, next += kFloatsPerLine) __builtin_prefetch(next, 0, 2);
  }
};

constexpr int64_t kChunkKeys = 16 * kGroupTileRows;  // that a panel meets while it stays in L1

// The columns of the position queries that a tile of keys meets with the group, from the beginning
// of a vector on.
inline KeyRange columns_met(const AttentionCall& call, const QueryGroup& group, KeyRange tile) {
  const int64_t smallest = group.first + call.query_offset - (group.keys.first + tile.last - 1);
  const int64_t largest = group.last - 1 + call.query_offset - (group.keys.first + tile.first);
  const int64_t first = position_row(call.positions, smallest);
  return {first - first % kWidth, position_row(call.positions, largest) + 1};
}

// by_column (keys, kGroupColumns) = keys times the columns that their tile meets, which begin with
// first_rows[key].
void multiply_position_queries(const AttentionCall& call, const QueryGroup& group,
                               const AttentionScratch& scratch) {
  constexpr int64_t kColumns = kTileVectors * kWidth;
  static_assert(kPositionPanel % kColumns == 0, "a tile across two panels would read another");
  const int64_t keys = group.keys.last - group.keys.first;
  if (keys == 0) return;
  const auto tile_at = [&](int64_t key) {
    return KeyRange{key, smaller(key + kGroupTileRows, keys)};
  };
  for (int64_t key = 0; key < keys; ++key) {
    const KeyRange met = columns_met(call, group, tile_at(key - key % kGroupTileRows));
    scratch.first_rows[key] = static_cast<int32_t>(met.first);
  }
  const KeyRange all = columns_met(call, group, {0, keys});
  const auto panel_of = [&](int64_t column) {
    return call.positions.queries + column / kPositionPanel * kPositionPanel * call.qk_size;
  };
  LinesAhead panels{panel_of(all.first), panel_of(all.last - 1) + kPositionPanel * call.qk_size};
  LinesAhead rows{nullptr, nullptr};
  if (call.positions.keys != nullptr) {
    rows = {call.positions.keys + all.first * call.qk_size,
            call.positions.keys + all.last * call.qk_size};
  }
  for (int64_t first_key = 0; first_key < keys; first_key += kChunkKeys) {
    const KeyRange chunk{first_key, smaller(first_key + kChunkKeys, keys)};
    const KeyRange window = columns_met(call, group, chunk);
    for (int64_t column = window.first - window.first % kColumns; column < window.last;
         column += kColumns) {
      for (int64_t key = chunk.first; key < chunk.last; key += kGroupTileRows) {
        const KeyRange tile = tile_at(key);
        const KeyRange columns =
            intersection(columns_met(call, group, tile), {column, column + kColumns});
        if (columns.first >= columns.last) continue;
        panels.ask(24);  // panels are done with sooner
        rows.ask(8);
        kTiles.score[columns.last - columns.first > kWidth ? 2 : 1][tile.last - tile.first](
            {.a = call.k + (group.keys.first + key) * call.k_stride,
             .a_row = call.k_stride,
             .a_col = 1,
             .b = panel_of(column) + columns.first % kPositionPanel,
             .b_stride = kPositionPanel,
             .depth = call.qk_size,
             .sums = scratch.by_column + key * kGroupColumns +
                     (columns.first - scratch.first_rows[key]),
             .sums_stride = kGroupColumns,
             .falling = nullptr});
      }
    }
  }
}

// by_column[row(distance + lane)], by_column counting from first_row. Rows rise by one at most, so
// that they lie within one vector.
inline Vec columns_of_lanes(const PositionTables& positions, int64_t distance, int64_t first_row,
                            const float* by_column) {
  const int64_t row = position_row(positions, distance);
  const Vec columns = load(by_column + (row - first_row));
  if (rows_rise(positions, distance, kWidth)) return columns;
  if (distance < -positions.radius || distance + kWidth - 1 > positions.radius) {
    alignas(64) float lanes[kWidth];
    for (int64_t lane = 0; lane < kWidth; ++lane) {
      lanes[lane] = by_column[position_row(positions, distance + lane) - first_row];
    }
    return load(lanes);
  }
  const IntVec rows = IntVec::load_unaligned(positions.rows + positions.radius + distance);
  return permute(columns, rows - IntVec(static_cast<int32_t>(row)));
}

void add_position_to_content(const AttentionCall& call, const QueryBlock& block,
                             const QueryGroup& group, const AttentionScratch& scratch) {
  const int64_t lanes = block.lanes(), keys = block.keys();
  const int64_t largest = block.first + call.query_offset - block.seen.first;
  const int64_t before = block.seen.first - group.keys.first;
  const Vec factor = Vec(static_cast<float>(static_cast<double>(call.scale) * kLog2E));
  for (int64_t key = 0; key < keys; ++key) {
    const float* by_column = scratch.by_column + (before + key) * kGroupColumns;
    for (int64_t lane = 0; lane < lanes; lane += kWidth) {
      float* scores = scratch.scores + key * lanes + lane;
      const Vec columns = columns_of_lanes(call.positions, largest - key + lane,
                                           scratch.first_rows[before + key], by_column);
      store(scores, mul_add(factor, columns, load(scores)));
    }
  }
}

void add_positions(const AttentionCall& call, const QueryBlock& block,
                   const AttentionScratch& scratch) {
  const bool has_queries = call.positions.queries != nullptr;
  QueryGroup group{};
  if (has_queries) {
    group = group_of(call, block);
    if (group.first == block.first) multiply_position_queries(call, group, scratch);
  }
  if (block.keys() == 0) return;
  if (call.positions.keys != nullptr) add_content_to_position(call, block, scratch);
  if (has_queries) add_position_to_content(call, block, group, scratch);
}

}  // namespace
}  // namespace weft::simd
