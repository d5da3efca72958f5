// The two ways to multiply bfloat16 by bfloat16 that attention is written against, on one layout:
//   sums (16 row_tiles, lanes) = a b, f32, with
//   a  tiles of 16 rows and 32 columns: (row tiles, steps, 16, 32), a row's tiles side by side
//   b  pairs of rows: (steps, 16, lanes, 2), lanes being 16 or 32.
// a's rows are read as a tile register or as words to broadcast, b's as a tile register or as
// vectors. An element's value depends on its row of a, its column of b and the steps alone, and
// steps of zeros change nothing.
#pragma once

#include "ops/gemm/tile_shape.inl"
#include "ops/simd/vec.h"

namespace weft::simd {
namespace {

constexpr std::int64_t kStepDepth = 32;
constexpr std::int64_t kTileElements = gemm::kTileRows * kStepDepth;

struct Bf16Product {
  const std::uint16_t* a;
  std::int64_t a_stride;  // from one tile of rows to the next, in elements
  std::int64_t row_tiles;
  const std::uint16_t* b;
  std::int64_t steps, lanes;
  float* sums;
};

/// On tile registers (ops/gemm/tiles_hardware.inl, tiles_emulated.inl), in blocks of 2 x 2 tiles of
/// sums where there are as many. For 16 x 16 sums and 32 of depth: one product, one load.
template <typename Tiles>
class TileProducts {
 public:
  void multiply(const Bf16Product& product) {
    if (product.lanes == 2 * gemm::kTileRows) {
      multiply_columns<2>(product);
    } else {
      multiply_columns<1>(product);
    }
  }

 private:
  template <int kColTiles>
  void multiply_columns(const Bf16Product& product) {
    std::int64_t row = 0;
    for (; row + 2 <= product.row_tiles; row += 2) multiply_block<2, kColTiles>(product, row);
    if (row < product.row_tiles) multiply_block<1, kColTiles>(product, row);
  }

  template <int kRowTiles, int kColTiles>
  void multiply_block(const Bf16Product& product, std::int64_t row_tile) {
    constexpr std::int64_t kStride = kColTiles * 64;  // bytes of a row of b and of sums
    const std::uint16_t* a = product.a + row_tile * product.a_stride;
    const std::uint16_t* b = product.b;
    tiles_.template zero<0>();
    if constexpr (kColTiles == 2) tiles_.template zero<1>();
    if constexpr (kRowTiles == 2) tiles_.template zero<2>();
    if constexpr (kRowTiles == 2 && kColTiles == 2) tiles_.template zero<3>();
    for (std::int64_t step = 0; step < product.steps; ++step) {
      tiles_.template load<4>(a, 64);
      tiles_.template load<6>(b, kStride);
      tiles_.template dot_bf16<0, 4, 6>();
      if constexpr (kColTiles == 2) {
        tiles_.template load<7>(b + kStepDepth, kStride);
        tiles_.template dot_bf16<1, 4, 7>();
      }
      if constexpr (kRowTiles == 2) {
        tiles_.template load<5>(a + product.a_stride, 64);
        tiles_.template dot_bf16<2, 5, 6>();
        if constexpr (kColTiles == 2) tiles_.template dot_bf16<3, 5, 7>();
      }
      a += kTileElements;
      b += kStepDepth * product.lanes;
    }
    float* sums = product.sums + row_tile * gemm::kTileRows * product.lanes;
    tiles_.template store<0>(sums, kStride);
    if constexpr (kColTiles == 2) tiles_.template store<1>(sums + 16, kStride);
    if constexpr (kRowTiles == 2) {
      sums += gemm::kTileRows * product.lanes;
      tiles_.template store<2>(sums, kStride);
      if constexpr (kColTiles == 2) tiles_.template store<3>(sums + 16, kStride);
    }
  }

  Tiles tiles_;
};

#if defined(__AVX512BF16__)
/// Dot products of pairs, in blocks of 8 rows: at 32 lanes 16 sums, which hide the latency of
/// VDPBF16PS, 2 vectors of b and a broadcast word of a. For 16 x 16 sums and 32 of depth: 256
/// products, 128 broadcasts, 32 loads.
class PairProducts {
 public:
  void multiply(const Bf16Product& product) const {
    for (std::int64_t row = 0; row < product.row_tiles * gemm::kTileRows; row += kRows) {
      if (product.lanes == 2 * kWidth) {
        multiply_rows<2>(product, row);
      } else {
        multiply_rows<1>(product, row);
      }
    }
  }

 private:
  static constexpr int kRows = 8;

  template <int kVectors>
  static void multiply_rows(const Bf16Product& product, std::int64_t row) {
    __m512 sums[kRows][kVectors];
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
      for (int n = 0; n < kVectors; ++n) sums[r][n] = _mm512_setzero_ps();
    }
    const std::uint16_t* a =
        product.a + row / gemm::kTileRows * product.a_stride + row % gemm::kTileRows * kStepDepth;
    const std::uint16_t* b = product.b;
    for (std::int64_t step = 0; step < product.steps; ++step) {
      const auto* words = reinterpret_cast<const float*>(a);
      for (std::int64_t pair = 0; pair < kStepDepth / 2; ++pair) {
        __m512bh columns[kVectors];
#pragma GCC unroll 2
        for (int n = 0; n < kVectors; ++n) {
          const __m512i bits = _mm512_loadu_si512(b + n * 2 * kWidth);
          columns[n] = reinterpret_cast<const __m512bh&>(bits);
        }
#pragma GCC unroll 8
        for (int r = 0; r < kRows; ++r) {
          const __m512 element = _mm512_set1_ps(words[r * (kStepDepth / 2)]);
#pragma GCC unroll 2
          for (int n = 0; n < kVectors; ++n) {
            sums[r][n] = _mm512_dpbf16_ps(sums[r][n], reinterpret_cast<const __m512bh&>(element),
                                          columns[n]);
          }
        }
        ++words;
        b += 2 * kVectors * kWidth;
      }
      a += kTileElements;
    }
    float* out = product.sums + row * product.lanes;
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
      for (int n = 0; n < kVectors; ++n) {
        _mm512_storeu_ps(out + r * product.lanes + n * kWidth, sums[r][n]);
      }
    }
  }
};
#endif

}  // namespace
}  // namespace weft::simd
