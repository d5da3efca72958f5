// bf16 products on tiles as a table: kernels_amx.cpp defines kBf16Name and Tiles and includes this.
#pragma once

#include "ops/gemm/bf16_kernels.h"
#include "ops/gemm/bf16_tiles.inl"
#include "ops/gemm/tile_product.inl"

namespace weft::gemm {
namespace {

template <Activation kActivation>
struct Bf16Format {
  static constexpr std::int64_t kElementBytes = 2;
  const float* bias;  // (panels, 32)

  const float* start_of(std::int64_t col) const { return bias + col; }
  /// Every row of the tile starts as the bias.
  template <int kTile>
  [[gnu::always_inline]] void start(Tiles& tiles, const float* from) const {
    tiles.template load<kTile>(from, 0);
  }
  template <int kSum, int kA, int kB>
  [[gnu::always_inline]] void dot(Tiles& tiles) const {
    tiles.template dot_bf16<kSum, kA, kB>();
  }
  [[gnu::always_inline]] simd::Vec finish(const float* sums, std::int64_t, std::int64_t) const {
    return simd::activate<kActivation>(simd::load(sums));
  }
};

void multiply_bf16(const Bf16Call& call) {
  round_to_tiles(call.a, call.a_stride, call.rows, call.depth,
                 reinterpret_cast<std::uint16_t*>(call.scratch));
  with_activation(call.activation, [&](auto activation) {
    multiply_tiles<Tiles>({.a = call.scratch,
                           .b = reinterpret_cast<const std::byte*>(call.b),
                           .steps = round_up(call.depth, kBf16DepthGrain) / kBf16DepthGrain,
                           .rows = call.rows,
                           .c = call.c,
                           .c_stride = call.c_stride,
                           .residual = call.residual,
                           .residual_stride = call.residual_stride,
                           .first_col = call.first_col,
                           .last_col = call.last_col},
                          Bf16Format<decltype(activation)::value>{call.bias});
  });
}

std::size_t scratch_bytes_bf16(std::int64_t rows, std::int64_t depth) {
  return static_cast<std::size_t>(round_up(rows, kTileRows) * round_up(depth, kBf16DepthGrain)) *
         sizeof(std::uint16_t);
}

double peak_bf16(std::int64_t rounds, float* sink) {
  return tile_peak<Tiles>(Bf16Format<Activation::kNone>{}, rounds, sink);
}

constexpr Bf16Kernels kBf16Table{kBf16Name, kBlockCols, scratch_bytes_bf16, multiply_bf16,
                                 peak_bf16};

}  // namespace
}  // namespace weft::gemm
