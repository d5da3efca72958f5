// Products on tiles: blocks of 32 rows x 32 columns of c, two by two tiles, over all of k. Written
// against a tile interface (tiles_hardware.inl, tiles_emulated.inl) and for elements of any size:
// a tile's row is 64 bytes of k, in b four bytes of each of 16 columns.
//
// Activation and residual of one block are computed between the tile instructions of the next,
// which leave the vector units idle: 10 to 25 % faster with GELU (384 x 1536, 96 and 128 rows).
#pragma once

#include "ops/gemm/tile_shape.inl"
#include "ops/simd/math.inl"
#include "ops/simd/vec.h"

namespace weft::gemm {
namespace {

constexpr std::int64_t kBlockRows = 2 * kTileRows;
constexpr std::int64_t kBlockCols = 32;
constexpr std::int64_t kStepBytes = 2 * kTileBytes;  // of b: 64 bytes of k, 32 columns

template <Activation kActivation>
struct ActivationOf {
  static constexpr Activation value = kActivation;
};

/// run(ActivationOf<activation>).
template <typename Run>
[[gnu::always_inline]] inline void with_activation(Activation activation, const Run& run) {
  switch (activation) {
    case Activation::kNone: return run(ActivationOf<Activation::kNone>{});
    case Activation::kGelu: return run(ActivationOf<Activation::kGelu>{});
    case Activation::kGeluTanh: return run(ActivationOf<Activation::kGeluTanh>{});
    case Activation::kRelu: return run(ActivationOf<Activation::kRelu>{});
    case Activation::kSilu: return run(ActivationOf<Activation::kSilu>{});
    case Activation::kTanh: return run(ActivationOf<Activation::kTanh>{});
    case Activation::kSigmoid: return run(ActivationOf<Activation::kSigmoid>{});
  }
}

/// One call of a product: rows of a in tiles of 16 x 64 bytes, k first, then rows.
struct TileCall {
  const std::byte* a;
  const std::byte* b;  // (panels, steps, 16, 32, 4) bytes
  std::int64_t steps;  // of 64 bytes of k
  std::int64_t rows;   // of c
  float* c;            // (rows, out_features)
  std::int64_t c_stride;
  const float* residual;  // as c; null: none
  std::int64_t residual_stride;
  std::int64_t first_col, last_col;  // of c; the first a multiple of 32
};

/// A block of sums that waits for its last treatment.
struct Waiting {
  const float* sums = nullptr;  // (32, 32)
  std::int64_t first_row = 0;
  std::int64_t first_col = 0;
  std::int64_t cols = 0;
  std::int64_t next = 0;  // the next row of the block
  std::int64_t rows = 0;
};

template <typename Format>
[[gnu::always_inline]] inline void finish_row(const TileCall& call, const Format& format,
                                              const Waiting& waiting) {
  using simd::kWidth;
  using simd::Vec;
  const std::int64_t row = waiting.first_row + waiting.next;
  const float* sums = waiting.sums + waiting.next * kBlockCols;
  float* c = call.c + row * call.c_stride + waiting.first_col;
  const float* residual = call.residual == nullptr
                              ? nullptr
                              : call.residual + row * call.residual_stride + waiting.first_col;
  if (waiting.cols == kBlockCols) {
#pragma GCC unroll 8
    for (std::int64_t j = 0; j < kBlockCols; j += kWidth) {
      Vec y = format.finish(sums + j, row, waiting.first_col + j);
      if (residual != nullptr) y = y + simd::load(residual + j);
      simd::store(c + j, y);
    }
    return;
  }
  for (std::int64_t j = 0; j < waiting.cols; j += kWidth) {
    const std::int64_t n = waiting.cols - j < kWidth ? waiting.cols - j : kWidth;
    Vec y = format.finish(sums + j, row, waiting.first_col + j);
    if (residual != nullptr) y = y + simd::load_partial(residual + j, n);
    simd::store_partial(c + j, y, n);
  }
}

template <typename Format>
[[gnu::always_inline]] inline void finish_some(const TileCall& call, const Format& format,
                                               Waiting& waiting, std::int64_t count) {
  for (; count > 0 && waiting.next < waiting.rows; --count, ++waiting.next) {
    finish_row(call, format, waiting);
  }
}

/// Cache lines of the weights that come next, brought to the L2 cache bit by bit, in four streams:
/// with 32 rows 20 to 35 % faster than one stream (Sapphire Rapids, weights from L3).
struct Prefetch {
  const std::byte* next = nullptr;
  std::int64_t stream_bytes = 0;
  std::int64_t left = 0;   // lines of each stream
  std::int64_t lines = 0;  // of each stream, with every step

  [[gnu::always_inline]] void step() {
    for (std::int64_t i = 0; i < lines && left > 0; ++i, --left, next += 64) {
#pragma GCC unroll 4
      for (int stream = 0; stream < 4; ++stream) {
        __builtin_prefetch(next + stream * stream_bytes, 0, 2);
      }
    }
  }
};

/// sums (32 x 32, or the first 16 rows) of two tile rows of a (or one) and a panel of b.
template <int kRowTiles, typename Tiles, typename Format>
void multiply_block(Tiles& tiles, const TileCall& call, const Format& format, const std::byte* a,
                    const std::byte* b, const float* start, float* sums, Waiting& waiting,
                    std::int64_t finish_rows, Prefetch& prefetch) {
  const std::int64_t a_next = call.steps * kTileBytes;
  format.template start<0>(tiles, start);
  format.template start<1>(tiles, start + 16);
  if constexpr (kRowTiles == 2) {
    format.template start<2>(tiles, start);
    format.template start<3>(tiles, start + 16);
  }
  for (std::int64_t step = 0; step < call.steps; ++step) {
    tiles.template load<4>(a, 64);
    tiles.template load<6>(b, 128);
    format.template dot<0, 4, 6>(tiles);
    tiles.template load<7>(b + 64, 128);
    format.template dot<1, 4, 7>(tiles);
    if constexpr (kRowTiles == 2) {
      tiles.template load<5>(a + a_next, 64);
      format.template dot<2, 5, 6>(tiles);
      format.template dot<3, 5, 7>(tiles);
    }
    a += kTileBytes;
    b += kStepBytes;
    prefetch.step();
    finish_some(call, format, waiting, finish_rows);
  }
  finish_some(call, format, waiting, kBlockRows);
  tiles.template store<0>(sums, 128);
  tiles.template store<1>(sums + 16, 128);
  if constexpr (kRowTiles == 2) {
    tiles.template store<2>(sums + 16 * kBlockCols, 128);
    tiles.template store<3>(sums + 16 * kBlockCols + 16, 128);
  }
}

/// Format: start<tile>(tiles, start), dot<sum, a, b>(tiles), finish(sums, row, col), start_of(col).
template <typename Tiles, typename Format>
void multiply_tiles(const TileCall& call, const Format& format) {
  if (call.rows == 0) return;
  Tiles tiles;
  alignas(64) float sums[2][kBlockRows * kBlockCols];
  int current = 0;
  Waiting waiting;
  const std::int64_t finish_rows = (kBlockRows + call.steps - 1) / call.steps;
  const std::int64_t blocks = (call.rows + kBlockRows - 1) / kBlockRows;
  const std::int64_t panel_bytes = call.steps * kStepBytes;
  const std::byte* end = call.b + (call.last_col + kBlockCols - 1) / kBlockCols * panel_bytes;
  for (std::int64_t col = call.first_col; col < call.last_col; col += kBlockCols) {
    const std::byte* b = call.b + col / kBlockCols * panel_bytes;
    const std::byte* next = b + panel_bytes;
    Prefetch prefetch{next, panel_bytes / 4, next < end ? panel_bytes / 256 : 0,
                      (kStepBytes / 256 + blocks - 1) / blocks};
    const std::int64_t cols = call.last_col - col < kBlockCols ? call.last_col - col : kBlockCols;
    for (std::int64_t row = 0; row < call.rows; row += kBlockRows) {
      const std::int64_t rows = call.rows - row < kBlockRows ? call.rows - row : kBlockRows;
      const std::byte* a = call.a + row / kTileRows * call.steps * kTileBytes;
      if (rows > kTileRows) {
        multiply_block<2>(tiles, call, format, a, b, format.start_of(col), sums[current], waiting,
                          finish_rows, prefetch);
      } else {
        multiply_block<1>(tiles, call, format, a, b, format.start_of(col), sums[current], waiting,
                          finish_rows, prefetch);
      }
      waiting = {sums[current], row, col, cols, 0, rows};
      current = 1 - current;
    }
  }
  finish_some(call, format, waiting, kBlockRows);
}

/// As peak_loops.h says: format's products alone, of zeros.
template <typename Tiles, typename Format>
double tile_peak(const Format& format, std::int64_t rounds, float* sink) {
  Tiles tiles;
  tiles.template zero<0>();
  tiles.template zero<1>();
  tiles.template zero<2>();
  tiles.template zero<3>();
  tiles.template zero<4>();
  tiles.template zero<5>();
  tiles.template zero<6>();
  tiles.template zero<7>();
  for (std::int64_t round = 0; round < rounds; ++round) {
    format.template dot<0, 4, 6>(tiles);
    format.template dot<1, 4, 7>(tiles);
    format.template dot<2, 5, 6>(tiles);
    format.template dot<3, 5, 7>(tiles);
  }
  alignas(64) float sums[kTileBytes / 4];
  tiles.template store<0>(sums, 64);
  *sink = sums[0];
  constexpr std::int64_t kRowBytes = kTileBytes / kTileRows;
  return 2.0 * static_cast<double>(rounds) * 4 * 16 * 16 *
         static_cast<double>(kRowBytes / Format::kElementBytes);
}

}  // namespace
}  // namespace weft::gemm
