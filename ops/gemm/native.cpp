#include "ops/gemm/native.h"

#include <algorithm>

#include "ops/buffer.h"
#include "ops/gemm/panel_product.h"
#include "ops/gemm/parts.h"

namespace weft::gemm {
namespace {

// Equal blocks of at most `most`, so that none is short; whole cache lines of a.
std::int64_t depth_of(std::int64_t in_features, std::int64_t most) {
  const std::int64_t blocks = (in_features + most - 1) / most;
  return ((in_features + blocks - 1) / blocks + 15) / 16 * 16;
}

class NativeProduct final : public Product {
 public:
  NativeProduct(Isa isa, const std::vector<ProductPart>& parts, Activation activation,
                PackStore* store)
      : kernels_(kernels(isa)),
        activation_(activation),
        in_features_(parts[0].weight.cols()),
        out_features_(out_features_of(parts)),
        depth_(depth_of(in_features_, kernels_.most_depth)) {
    PackLayout layout;
    layout.add(bytes_of(panels(), in_features_, kernels_.panel_cols));
    const std::size_t bias = layout.add(bytes_of(panels(), kernels_.panel_cols));
    packed_ = get_packed(store, layout.size(), [&](std::byte* out) {
      read_bias(parts, reinterpret_cast<float*>(out + bias));
      pack(parts, reinterpret_cast<float*>(out));
    });
    weights_ = packed_.f32();
    bias_ = reinterpret_cast<const float*>(packed_.data() + bias);
  }

  void run(const ProductCall& call) const noexcept override {
    const std::int64_t width = kernels_.panel_cols;
    const float* end = weights_ + panels() * width * in_features_;
    for (std::int64_t col = call.first_col; col < call.last_col; col += width) {
      const std::int64_t panel = col / width;
      const Tensor c = call.c.col_block(col, std::min(width, call.last_col - col));
      for (std::int64_t k = 0; k < in_features_; k += depth_) {
        const std::int64_t depth = std::min(depth_, in_features_ - k);
        const float* weights = weights_ + (panel * in_features_ + k) * width;
        const float* next = weights + depth * width;
        multiply_panel(kernels_,
                       {.a = call.a.f32() + k,
                        .a_stride = call.a.stride,
                        .panel = weights,
                        .start = k == 0 ? bias_ + panel * width : nullptr,
                        .c = c.f32(),
                        .c_stride = c.stride,
                        .rows = call.a.rows,
                        .cols = c.cols,
                        .depth = depth,
                        .next = next < end ? next : nullptr},
                       [&](std::int64_t first, std::int64_t rows) {
                         if (k + depth == in_features_) {
                           finish(call, c.row_block(first, rows), first, col);
                         }
                       });
      }
    }
  }

  std::int64_t in_features() const noexcept override { return in_features_; }
  std::int64_t out_features() const noexcept override { return out_features_; }
  std::int64_t column_grain() const noexcept override { return kernels_.panel_cols; }
  std::size_t scratch_bytes(std::int64_t) const noexcept override { return 0; }
  std::size_t packed_bytes() const noexcept override { return packed_.size(); }
  std::string kernel() const override { return kernels_.name; }

 private:
  std::int64_t panels() const noexcept {
    return (out_features_ + kernels_.panel_cols - 1) / kernels_.panel_cols;
  }

  void pack(const std::vector<ProductPart>& parts, float* out) const {
    const std::int64_t width = kernels_.panel_cols;
    Buffer rows(bytes_of(width, in_features_));
    PartReader reader(parts);
    for (std::int64_t panel = 0; panel < panels(); ++panel) {
      const std::int64_t cols = std::min(width, out_features_ - panel * width);
      reader.read_rows(cols, rows.f32());
      kernels_.pack(rows.f32(), in_features_, cols, in_features_,
                    out + panel * width * in_features_);
    }
  }

  void finish(const ProductCall& call, const Tensor& c, std::int64_t first_row,
              std::int64_t first_col) const noexcept {
    const bool adds = call.residual.data != nullptr;
    if (activation_ == Activation::kNone && !adds) return;
    kernels_.finish({.c = c.f32(),
                     .c_stride = c.stride,
                     .residual = adds ? call.residual.f32(first_row) + first_col : nullptr,
                     .residual_stride = call.residual.stride,
                     .rows = c.rows,
                     .cols = c.cols,
                     .activation = activation_});
  }

  const Kernels& kernels_;
  Activation activation_;
  std::int64_t in_features_;
  std::int64_t out_features_;
  std::int64_t depth_;  // of a block of k
  Packed packed_;
  const float* weights_;  // (panels, in_features, panel_cols), zeros beyond out_features
  const float* bias_;     // (panels, panel_cols), likewise
};

}  // namespace

std::unique_ptr<Product> make_native_product(Isa isa, const std::vector<ProductPart>& parts,
                                             Activation activation, PackStore* store) {
  return std::make_unique<NativeProduct>(isa, parts, activation, store);
}

}  // namespace weft::gemm
