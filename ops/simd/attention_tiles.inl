// The two register-blocked products of attention, as functions of every tile height. g++ 12 keeps
// the sums in registers only if every loop over them is unrolled by pragma.
#pragma once

#include "ops/simd/row_pointers.inl"
#include "ops/simd/vec.h"

namespace weft::simd {
namespace {

using std::int64_t;

#if defined(__AVX512F__)
constexpr int kTileRows = 14;  // 14 x 2 sums, 2 vectors, 1 broadcast of 32 registers
#else
constexpr int kTileRows = 6;  // 6 x 2 sums, 2 vectors, 1 broadcast of 16 registers
#endif
constexpr int kTileVectors = 2;

// sums[r][n] += over c of a(r, c) * b[c][n] for kRows rows and kVectors vectors of n, where a(r, c)
// is at a[r * a_row + c * a_col].
struct Tile {
  const float* a;
  int64_t a_row, a_col;
  const float* b;  // (depth, ...), stride b_stride
  int64_t b_stride;
  int64_t depth;
  float* sums;  // (rows, ...), stride sums_stride
  int64_t sums_stride;
  const float* falling;  // score tiles: null, or row r has falling[n - r] added at the end
};

// sums += column c of a times the vectors at b.
template <int kRows, int kVectors>
[[gnu::always_inline]] inline void score_step(const RowPointers<kRows>& a, int64_t a_row, int c,
                                              const float* b, Vec (&sums)[kRows][kVectors]) {
  Vec columns[kVectors];
#pragma GCC unroll 2
  for (int n = 0; n < kVectors; ++n) columns[n] = load(b + n * kWidth);
  multiply_add_rows(a, a_row, c, columns, sums);
}

// Scores of kRows keys: a = k (kRows, depth), b = the transposed queries; sums are overwritten.
template <int kRows, int kVectors>
void score_tile(const Tile& tile) {
  Vec sums[kRows][kVectors];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
    for (int n = 0; n < kVectors; ++n) sums[r][n] = Vec(0.0f);
  }
  int64_t a_row = tile.a_row;
  RowPointers<kRows> a = row_pointers<kRows>(tile.a, a_row);
  const float* b = tile.b;
  const int64_t b_stride = tile.b_stride;
  int64_t left = tile.depth;
  for (; left >= 4; left -= 4) {
    keep_index(a_row);
#pragma GCC unroll 4
    for (int c = 0; c < 4; ++c, b += b_stride) score_step(a, a_row, c, b, sums);
    advance(a, 4);
  }
  for (; left > 0; --left, b += b_stride) {
    score_step(a, a_row, 0, b, sums);
    advance(a, 1);
  }
  if (tile.falling != nullptr) {
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
      for (int n = 0; n < kVectors; ++n) {
        sums[r][n] = sums[r][n] + load(tile.falling - r + n * kWidth);
      }
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
    for (int n = 0; n < kVectors; ++n) {
      store(tile.sums + r * tile.sums_stride + n * kWidth, sums[r][n]);
    }
  }
}

// Context of kRows queries: a = the weights, key by key, b = v; sums go on from what they hold.
template <int kRows, int kVectors>
void context_tile(const Tile& tile) {
  Vec sums[kRows][kVectors];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
    for (int n = 0; n < kVectors; ++n) {
      sums[r][n] = load(tile.sums + r * tile.sums_stride + n * kWidth);
    }
  }
  const float* a = tile.a;
  const float* b = tile.b;
  const int64_t a_col = tile.a_col;
  const int64_t b_stride = tile.b_stride;
  for (int64_t c = 0; c < tile.depth; ++c) {
    Vec columns[kVectors];
#pragma GCC unroll 2
    for (int n = 0; n < kVectors; ++n) columns[n] = load(b + n * kWidth);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const Vec element(a[r]);  // not loaded unless it is used
#pragma GCC unroll 2
      for (int n = 0; n < kVectors; ++n) {
        // Half of them from memory: the two load ports have that much to spare.
        sums[r][n] = r % 2 != 0 ? mul_add(element, columns[n], sums[r][n])
                                : mul_add_from(a + r, columns[n], sums[r][n]);
      }
    }
    a += a_col;
    b += b_stride;
  }
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
    for (int n = 0; n < kVectors; ++n) {
      store(tile.sums + r * tile.sums_stride + n * kWidth, sums[r][n]);
    }
  }
}

// The tile functions by their number of rows, 1 .. kTileRows, and of vectors.
struct TileTable {
  void (*score[kTileVectors + 1][kTileRows + 1])(const Tile&);
  void (*context[kTileVectors + 1][kTileRows + 1])(const Tile&);
};

template <int kRows>
constexpr void fill_tile_table(TileTable& table) {
  table.score[1][kRows] = score_tile<kRows, 1>;
  table.score[2][kRows] = score_tile<kRows, 2>;
  table.context[1][kRows] = context_tile<kRows, 1>;
  table.context[2][kRows] = context_tile<kRows, 2>;
  if constexpr (kRows > 1) fill_tile_table<kRows - 1>(table);
}

constexpr TileTable make_tile_table() {
  TileTable table{};
  fill_tile_table<kTileRows>(table);
  return table;
}

constexpr TileTable kTiles = make_tile_table();

// [0, n) in tiles of at most kTileRows rows whose heights differ by one at most: where the next one
// after `first` ends.
inline int64_t tile_end(int64_t first, int64_t n) {
  const int64_t tiles = (n - first + kTileRows - 1) / kTileRows;
  return first + (n - first + tiles - 1) / tiles;
}

}  // namespace
}  // namespace weft::simd
