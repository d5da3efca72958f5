// int8 products on tiles as a table: kernels_amx.cpp defines kInt8Name and Tiles and includes this.
#pragma once

#include "ops/gemm/kernels_int8.h"
#include "ops/gemm/quantize.inl"
#include "ops/gemm/tile_product.inl"

namespace weft::gemm {
namespace {

/// As Int8Tile in kernels_int8.h says, in the same order.
template <Activation kActivation>
struct Int8Format {
  static constexpr std::int64_t kElementBytes = 1;
  const Int8Scale* row_scale;   // (rows)
  const std::int32_t* col_sum;  // (panels, 32), like those below
  const float* col_scale;
  const float* bias;

  const float* start_of(std::int64_t col) const { return bias + col; }
  template <int kTile>
  [[gnu::always_inline]] void start(Tiles& tiles, const float*) const {
    tiles.template zero<kTile>();
  }
  template <int kSum, int kA, int kB>
  [[gnu::always_inline]] void dot(Tiles& tiles) const {
    tiles.template dot_u8_s8<kSum, kA, kB>();
  }
  [[gnu::always_inline]] Vec finish(const float* sums, std::int64_t row, std::int64_t col) const {
    const Int8Scale scale = row_scale[row];
    const Ints sum = add(load_ints(reinterpret_cast<const std::int32_t*>(sums)),
                         minus_product(all(scale.zero), load_ints(col_sum + col)));
    return simd::activate<kActivation>(simd::mul_add(
        to_floats(sum), Vec(scale.scale) * simd::load(col_scale + col), simd::load(bias + col)));
  }
};

std::int64_t scale_bytes(std::int64_t rows) {
  return round_up(rows * static_cast<std::int64_t>(sizeof(Int8Scale)), 64);
}

/// a in tiles of 16 rows of 64 bytes. Rows beyond the last are left as they are: nobody reads what
/// comes of them.
void multiply_int8(const Int8Call& call) {
  const std::int64_t steps =
      round_up(call.depth, Int8TileKernels::kDepthGrain) / Int8TileKernels::kDepthGrain;
  auto* row_scale = reinterpret_cast<Int8Scale*>(call.scratch);
  std::byte* a = call.scratch + scale_bytes(call.rows);
  for (std::int64_t row = 0; row < call.rows; ++row) {
    std::byte* out = a + (row / kTileRows * steps * kTileRows + row % kTileRows) * 64;
    row_scale[row] = quantize<Activations::kUnsignedBytes>(call.a + row * call.a_stride, call.depth,
                                                           out, kTileBytes);
  }
  with_activation(call.activation, [&](auto activation) {
    multiply_tiles<Tiles>({.a = a,
                           .b = reinterpret_cast<const std::byte*>(call.b),
                           .steps = steps,
                           .rows = call.rows,
                           .c = call.c,
                           .c_stride = call.c_stride,
                           .residual = call.residual,
                           .residual_stride = call.residual_stride,
                           .first_col = call.first_col,
                           .last_col = call.last_col},
                          Int8Format<decltype(activation)::value>{row_scale, call.col_sum,
                                                                  call.col_scale, call.bias});
  });
}

std::size_t scratch_bytes_int8(std::int64_t rows, std::int64_t depth) {
  return static_cast<std::size_t>(scale_bytes(rows) +
                                  round_up(rows, kTileRows) *
                                      round_up(depth, Int8TileKernels::kDepthGrain));
}

double peak_int8(std::int64_t rounds, float* sink) {
  return tile_peak<Tiles>(Int8Format<Activation::kNone>{}, rounds, sink);
}

constexpr Int8TileKernels kInt8Table{kInt8Name,     kBlockCols,       scratch_bytes_int8,
                                     multiply_int8, quantize_weights, peak_int8};

}  // namespace
}  // namespace weft::gemm
