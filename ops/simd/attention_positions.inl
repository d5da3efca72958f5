// The two position terms of disentangled attention (He et al. 2021), added to a block's scores:
//   content to position   q_i . position_keys[row(i - j)]
//   position to content   k_j . position_queries[row(i - j)]
// A block of queries and its keys meet keys + lanes - 1 distances at most. The first term is a
// product of those rows with the block's queries, which must be skewed: key j's lane l is row
// (l - j)'s lane l. The second is, for a tile of keys, a product with the columns of the few rows
// that the tile meets, of which each key takes a stretch of its own.
#pragma once

#include "ops/simd/attention_block.inl"

namespace weft::simd {
namespace {

inline int64_t position_row(const PositionTables& positions, int64_t distance) {
  const int64_t radius = positions.radius;
  const int64_t nearest = distance < -radius ? -radius : distance > radius ? radius : distance;
  return positions.rows[radius + nearest];
}

// Lanes with the bit kStep of rows[s + kStep], the others of rows[s], for s in [0, n); in place.
template <int kStep>
void skew(float* rows, int64_t n) {
  for (int64_t s = 0; s < n; ++s) {
    float* row = rows + s * kWidth;
    store(row, lanes_with_bit<kStep>(load(row), load(row + kStep * kWidth)));
  }
  if constexpr (2 * kStep < kWidth) skew<2 * kStep>(rows, n - 2 * kStep);
}

// Distances are query position - key position; the block's smallest belongs to its last key.
inline int64_t smallest_distance(const AttentionCall& call, const QueryBlock& block) {
  return block.first + call.query_offset - (block.seen.last - 1);
}

void add_content_to_position(const AttentionCall& call, const QueryBlock& block,
                             const AttentionScratch& scratch) {
  const PositionTables& positions = call.positions;
  const int64_t lanes = block.lanes(), keys = block.keys();
  const int64_t smallest = smallest_distance(call, block);
  const int64_t first_row = position_row(positions, smallest);
  const int64_t last_row = position_row(positions, smallest + keys + lanes - 2);
  for (int64_t row = first_row; row <= last_row;) {
    const int64_t end = tile_end(row, last_row + 1);
    for (int64_t column = 0; column < lanes; column += kTileVectors * kWidth) {
      const int vectors = column + kWidth < lanes ? 2 : 1;
      kTiles.score[vectors][end - row]({.a = positions.keys + row * positions.keys_stride,
                                        .a_row = positions.keys_stride,
                                        .a_col = 1,
                                        .b = scratch.queries + column,
                                        .b_stride = lanes,
                                        .depth = call.qk_size,
                                        .sums = scratch.by_row + (row - first_row) * lanes + column,
                                        .sums_stride = lanes,
                                        .falling = nullptr});
    }
    row = end;
  }
  for (int64_t column = 0; column < lanes; column += kWidth) {
    float* skewed = scratch.skewed;
    for (int64_t s = 0; s < keys + kWidth - 1; ++s) {
      const int64_t row = position_row(positions, smallest + column + s) - first_row;
      store(skewed + s * kWidth, load(scratch.by_row + row * lanes + column));
    }
    skew<1>(skewed, keys + kWidth - 2);
    for (int64_t key = 0; key < keys; ++key) {
      float* scores = scratch.scores + key * lanes + column;
      store(scores, load(scores) + load(skewed + (keys - 1 - key) * kWidth));
    }
  }
}

// scores[lane] += factor * by_column[row(distance + lane) - first_row].
void add_stretch(const PositionTables& positions, int64_t distance, int64_t lanes,
                 int64_t first_row, const float* by_column, Vec factor, float* scores) {
  alignas(64) float spread[kBlockQueries];
  const int64_t row = position_row(positions, distance);
  const float* from = by_column + (row - first_row);
  if (position_row(positions, distance + lanes - 1) - row != lanes - 1) {
    for (int64_t lane = 0; lane < lanes; ++lane) {
      spread[lane] = by_column[position_row(positions, distance + lane) - first_row];
    }
    from = spread;
  }
  for (int64_t lane = 0; lane < lanes; lane += kWidth) {
    store(scores + lane, mul_add(factor, load(from + lane), load(scores + lane)));
  }
}

void add_position_to_content(const AttentionCall& call, const QueryBlock& block,
                             const AttentionScratch& scratch) {
  const PositionTables& positions = call.positions;
  const int64_t lanes = block.lanes(), keys = block.keys();
  const int64_t smallest = smallest_distance(call, block);
  const float* k = call.k + block.seen.first * call.k_stride;
  const Vec factor = Vec(static_cast<float>(static_cast<double>(call.scale) * kLog2E));
  for (int64_t key = 0; key < keys;) {
    const int64_t end = tile_end(key, keys);
    const int64_t first_row = position_row(positions, smallest + keys - end);
    const int64_t last_row = position_row(positions, smallest + keys - 1 - key + lanes - 1);
    for (int64_t column = 0; column <= last_row - first_row; column += kTileVectors * kWidth) {
      const int vectors = column + kWidth <= last_row - first_row ? 2 : 1;
      kTiles.score[vectors][end - key]({.a = k + key * call.k_stride,
                                        .a_row = call.k_stride,
                                        .a_col = 1,
                                        .b = positions.queries + first_row + column,
                                        .b_stride = positions.queries_stride,
                                        .depth = call.qk_size,
                                        .sums = scratch.by_column + column,
                                        .sums_stride = kPositionColumns,
                                        .falling = nullptr});
    }
    for (int64_t i = key; i < end; ++i) {
      add_stretch(positions, smallest + keys - 1 - i, lanes, first_row,
                  scratch.by_column + (i - key) * kPositionColumns, factor,
                  scratch.scores + i * lanes);
    }
    key = end;
  }
}

void add_positions(const AttentionCall& call, const QueryBlock& block,
                   const AttentionScratch& scratch) {
  if (block.keys() == 0) return;
  if (call.positions.keys != nullptr) add_content_to_position(call, block, scratch);
  if (call.positions.queries != nullptr) add_position_to_content(call, block, scratch);
}

}  // namespace
}  // namespace weft::simd
