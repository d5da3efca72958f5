// Rows of f32 rounded to bfloat16 into tiles of 16 rows and 32 elements.
#pragma once

#include "ops/gemm/bf16_kernels.h"
#include "ops/gemm/bf16_round.inl"
#include "ops/gemm/tile_shape.inl"

namespace weft::gemm {
namespace {

/// The first `rows` rows and `depth` columns of a, padded with zeros to whole tiles: (tiles of
/// rows, tiles of columns, 16, 32), 64-byte aligned.
inline void round_to_tiles(const float* a, std::int64_t a_stride, std::int64_t rows,
                           std::int64_t depth, std::uint16_t* tiles) {
  const std::int64_t steps = round_up(depth, kBf16DepthGrain) / kBf16DepthGrain;
  for (std::int64_t row = 0; row < round_up(rows, kTileRows); ++row) {
    std::uint16_t* out =
        tiles + (row / kTileRows * steps * kTileRows + row % kTileRows) * kBf16DepthGrain;
    const float* in = a + row * a_stride;
    std::int64_t left = row < rows ? depth : 0;
    for (std::int64_t step = 0; step < steps; ++step) {
      round_32(left > 0 ? in + step * kBf16DepthGrain : a,
               left > kBf16DepthGrain ? kBf16DepthGrain
               : left > 0             ? left
                                      : 0,
               out);
      out += kTileRows * kBf16DepthGrain;
      left -= kBf16DepthGrain;
    }
  }
}

}  // namespace
}  // namespace weft::gemm
