#include "ops/gemm/native_int8.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "ops/buffer.h"
#include "ops/gemm/kernels.h"
#include "ops/gemm/kernels_int8.h"
#include "ops/gemm/parts.h"
#include "weft/error.h"

namespace weft::gemm {
namespace {

constexpr std::int64_t kLine = 64;
// 2^16 * 127 * 255 < 2^31
constexpr std::int64_t kMostInFeatures = std::int64_t{1} << 16;

std::int64_t round_up(std::int64_t n, std::int64_t grain) {
  return (n + grain - 1) / grain * grain;
}

std::int64_t checked_in_features(const std::vector<ProductPart>& parts) {
  const std::int64_t in_features = parts[0].weight.cols();
  if (in_features > kMostInFeatures) {
    throw Error(Reason::kUnsupported,
                fmt::format("[linear] {}: expected at most {} in_features for dtype int8, found {}",
                            parts[0].weight.name(), kMostInFeatures, in_features));
  }
  return in_features;
}

class NativeInt8Product final : public Product {
 public:
  NativeInt8Product(Isa isa, const std::vector<ProductPart>& parts, Activation activation)
      : kernels_(int8_kernels(isa)),
        finish_(kernels(isa).finish),
        activation_(activation),
        in_features_(checked_in_features(parts)),
        out_features_(out_features_of(parts)),
        steps_((in_features_ + kernels_.step_depth - 1) / kernels_.step_depth),
        weights_(bytes_of(panels(), panel_bytes() / 4)),
        scales_(bytes_of(panels(), kernels_.panel_cols)),
        bias_(bytes_of(panels(), kernels_.panel_cols)),
        sums_(bytes_of(panels(), kernels_.panel_cols)) {
    read_bias(parts, bias_.f32());
    pack(parts);
  }

  void run(const ProductCall& call) const noexcept override {
    const std::int64_t rows = call.a.rows;
    if (rows == 0) return;
    auto* row_scales = reinterpret_cast<Int8Scale*>(call.scratch);
    std::byte* a = call.scratch + scales_bytes(rows);
    for (std::int64_t i = 0; i < rows; ++i) {
      row_scales[i] = kernels_.quantize(call.a.f32(i), in_features_, a + i * row_bytes());
    }
    for (std::int64_t col = call.first_col; col < call.last_col; col += kernels_.panel_cols) {
      multiply_panel(call, col, a, row_scales);
    }
  }

  std::int64_t in_features() const noexcept override { return in_features_; }
  std::int64_t out_features() const noexcept override { return out_features_; }
  std::int64_t column_grain() const noexcept override { return kernels_.panel_cols; }
  std::size_t scratch_bytes(std::int64_t rows) const noexcept override {
    return static_cast<std::size_t>(scales_bytes(rows) + rows * row_bytes());
  }
  std::size_t packed_bytes() const noexcept override {
    return weights_.size() + scales_.size() + bias_.size() + sums_.size();
  }
  std::string kernel() const override { return kernels_.name; }

 private:
  std::int64_t panels() const noexcept {
    return (out_features_ + kernels_.panel_cols - 1) / kernels_.panel_cols;
  }
  std::int64_t panel_bytes() const noexcept {
    return steps_ * kernels_.panel_cols * kernels_.step_depth;
  }
  // Rows of quantised activations, an odd number of cache lines apart.
  std::int64_t row_bytes() const noexcept {
    return (round_up(steps_ * 4, kLine) / kLine | 1) * kLine;
  }
  static std::int64_t scales_bytes(std::int64_t rows) noexcept {
    return round_up(rows * static_cast<std::int64_t>(sizeof(Int8Scale)), kLine);
  }
  std::int8_t* panel(std::int64_t i) const noexcept {
    return reinterpret_cast<std::int8_t*>(weights_.data()) + i * panel_bytes();
  }
  std::int32_t* sums() const noexcept { return reinterpret_cast<std::int32_t*>(sums_.data()); }

  // All rows times the panel that begins at column `col`, in tiles of nearly equal size, which
  // bring the next panel to the L2 cache.
  void multiply_panel(const ProductCall& call, std::int64_t col, const std::byte* a,
                      const Int8Scale* row_scales) const noexcept {
    const std::int64_t width = kernels_.panel_cols;
    const std::int64_t index = col / width;
    const std::int64_t rows = call.a.rows;
    const std::int64_t tiles = (rows + kernels_.max_rows - 1) / kernels_.max_rows;
    const std::int64_t stream_lines = panel_bytes() / (kLine * kInt8Streams);
    const std::int64_t rounds = steps_ / 4;
    const std::int64_t tile_lines =
        col + width >= out_features_ || rounds == 0 ? 0 : (stream_lines + tiles - 1) / tiles;
    const std::int64_t step_lines = tile_lines == 0 ? 0 : (tile_lines + rounds - 1) / rounds;
    Int8Tile tile{
        .a = nullptr,
        .a_stride = row_bytes(),
        .row_scale = nullptr,
        .b = panel(index),
        .col_sum = sums() + index * width,
        .col_scale = scales_.f32() + index * width,
        .bias = bias_.f32() + index * width,
        .c = nullptr,
        .c_stride = call.c.stride,
        .steps = steps_,
        .cols = std::min(width, call.last_col - col),
        .prefetch = panel(index + 1),
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

  void pack(const std::vector<ProductPart>& parts) {
    const std::int64_t width = kernels_.panel_cols;
    const std::int64_t group = kernels_.step_depth;
    const Buffer rows(bytes_of(width, in_features_));
    const Buffer bytes(static_cast<std::size_t>(steps_ * group));  // zeros beyond in_features
    auto* quantized = reinterpret_cast<std::int8_t*>(bytes.data());
    PartReader reader(parts);
    for (std::int64_t p = 0; p < panels(); ++p) {
      const std::int64_t cols = std::min(width, out_features_ - p * width);
      reader.read_rows(cols, rows.f32());
      for (std::int64_t j = 0; j < cols; ++j) {
        scales_.f32()[p * width + j] =
            kernels_.quantize_weights(rows.f32() + j * in_features_, in_features_, quantized);
        std::int32_t sum = 0;
        for (std::int64_t k = 0; k < in_features_; ++k) sum += quantized[k];
        sums()[p * width + j] = sum;
        std::int8_t* out = panel(p) + j * group;
        for (std::int64_t s = 0; s < steps_; ++s) {
          std::memcpy(out + s * width * group, quantized + s * group,
                      static_cast<std::size_t>(group));
        }
      }
    }
  }

  const Int8Kernels& kernels_;
  void (*finish_)(const Finish&);
  Activation activation_;
  std::int64_t in_features_;
  std::int64_t out_features_;
  std::int64_t steps_;  // groups of k
  Buffer weights_;      // (panels, steps, panel_cols, step_depth), zeros beyond either feature
  Buffer scales_;       // (panels, panel_cols), likewise
  Buffer bias_;         // likewise
  Buffer sums_;         // likewise, 32-bit integers: of a channel's bytes
};

}  // namespace

std::unique_ptr<Product> make_native_int8_product(Isa isa, const std::vector<ProductPart>& parts,
                                                  Activation activation) {
  return std::make_unique<NativeInt8Product>(isa, parts, activation);
}

}  // namespace weft::gemm
