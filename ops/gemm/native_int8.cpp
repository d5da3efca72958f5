#include "ops/gemm/native_int8.h"

#include <algorithm>

#include "ops/gemm/kernels.h"
#include "ops/gemm/kernels_int8.h"
#include "ops/gemm/packed_int8.h"

namespace weft::gemm {
namespace {

constexpr std::int64_t kLine = 64;
std::int64_t round_up(std::int64_t n, std::int64_t grain) {
  return (n + grain - 1) / grain * grain;
}

class NativeInt8Product final : public Product {
 public:
  NativeInt8Product(Isa isa, const std::vector<ProductPart>& parts, Activation activation,
                    PackStore* store)
      : kernels_(int8_kernels(isa)),
        finish_(kernels(isa).finish),
        activation_(activation),
        packed_(parts,
                {kernels_.panel_cols, kernels_.step_depth, kernels_.step_depth,
                 kernels_.quantize_weights},
                store) {}

  void run(const ProductCall& call) const noexcept override {
    const std::int64_t rows = call.a.rows;
    if (rows == 0) return;
    auto* row_scales = reinterpret_cast<Int8Scale*>(call.scratch);
    std::byte* a = call.scratch + scales_bytes(rows);
    for (std::int64_t i = 0; i < rows; ++i) {
      row_scales[i] = kernels_.quantize(call.a.f32(i), packed_.in_features(), a + i * row_bytes());
    }
    for (std::int64_t col = call.first_col; col < call.last_col; col += kernels_.panel_cols) {
      multiply_panel(call, col, a, row_scales);
    }
  }

  std::int64_t in_features() const noexcept override { return packed_.in_features(); }
  std::int64_t out_features() const noexcept override { return packed_.out_features(); }
  std::int64_t column_grain() const noexcept override { return kernels_.panel_cols; }
  std::size_t scratch_bytes(std::int64_t rows) const noexcept override {
    return static_cast<std::size_t>(scales_bytes(rows) + rows * row_bytes());
  }
  std::size_t packed_bytes() const noexcept override { return packed_.bytes(); }
  std::string kernel() const override { return kernels_.name; }

 private:
  // Rows of quantised activations, an odd number of cache lines apart.
  std::int64_t row_bytes() const noexcept {
    return (round_up(packed_.groups() * 4, kLine) / kLine | 1) * kLine;
  }
  static std::int64_t scales_bytes(std::int64_t rows) noexcept {
    return round_up(rows * static_cast<std::int64_t>(sizeof(Int8Scale)), kLine);
  }
  // All rows times the panel that begins at column `col`, in tiles of nearly equal size, which
  // bring the next panel to the L2 cache.
  void multiply_panel(const ProductCall& call, std::int64_t col, const std::byte* a,
                      const Int8Scale* row_scales) const noexcept {
    const std::int64_t width = kernels_.panel_cols;
    const std::int64_t index = col / width;
    const std::int64_t rows = call.a.rows;
    const std::int64_t tiles = (rows + kernels_.max_rows - 1) / kernels_.max_rows;
    const std::int64_t stream_lines = packed_.panel_bytes() / (kLine * kStreams);
    const std::int64_t rounds = packed_.groups() / 4;
    const std::int64_t tile_lines = col + width >= packed_.out_features() || rounds == 0
                                        ? 0
                                        : (stream_lines + tiles - 1) / tiles;
    const std::int64_t step_lines = tile_lines == 0 ? 0 : (tile_lines + rounds - 1) / rounds;
    Int8Tile tile{
        .a = nullptr,
        .a_stride = row_bytes(),
        .row_scale = nullptr,
        .b = packed_.weights(index),
        .col_sum = packed_.sums(index),
        .col_scale = packed_.scales(index),
        .bias = packed_.bias(index),
        .c = nullptr,
        .c_stride = call.c.stride,
        .steps = packed_.groups(),
        .cols = std::min(width, call.last_col - col),
        .prefetch = packed_.weights(index + 1),
        .prefetch_stride = stream_lines * kLine,
        .prefetch_lines = step_lines,
        .prefetch_steps = step_lines == 0 ? 0 : (tile_lines + step_lines - 1) / step_lines};
    for (std::int64_t i = 0, first = 0; i < tiles; ++i) {
      const std::int64_t tile_rows = rows / tiles + (i < rows % tiles ? 1 : 0);
      tile.a = a + first * row_bytes();
      tile.row_scale = row_scales + first;
      tile.c = call.c.f32(first) + col;
      kernels_.tile[tile_rows - 1](tile);
      tile.prefetch += step_lines * tile.prefetch_steps * kLine;
      finish(call, tile, first, tile_rows, col);
      first += tile_rows;
    }
  }

  void finish(const ProductCall& call, const Int8Tile& tile, std::int64_t first_row,
              std::int64_t rows, std::int64_t first_col) const noexcept {
    const bool adds = call.residual.data != nullptr;
    if (activation_ == Activation::kNone && !adds) return;
    finish_({.c = tile.c,
             .c_stride = tile.c_stride,
             .residual = adds ? call.residual.f32(first_row) + first_col : nullptr,
             .residual_stride = call.residual.stride,
             .rows = rows,
             .cols = tile.cols,
             .activation = activation_});
  }

  const Int8Kernels& kernels_;
  void (*finish_)(const Finish&);
  Activation activation_;
  PackedInt8 packed_;
};

}  // namespace

std::unique_ptr<Product> make_native_int8_product(Isa isa, const std::vector<ProductPart>& parts,
                                                  Activation activation, PackStore* store) {
  if (isa == Isa::kAmx) return make_int8_tile_product(kInt8KernelsAmx, parts, activation, store);
  return std::make_unique<NativeInt8Product>(isa, parts, activation, store);
}

}  // namespace weft::gemm
