#include "ops/gemm/native.h"

#include <algorithm>

#include "ops/buffer.h"
#include "ops/gemm/panel_product.h"
#include "ops/gemm/parts.h"
#include "ops/simd/kernels.h"

namespace weft::gemm {
namespace {

class NativeProduct final : public Product {
 public:
  NativeProduct(Isa isa, const std::vector<ProductPart>& parts, Activation activation)
      : kernels_(kernels(isa)),
        row_kernels_(*simd::kernels(isa)),
        activation_(activation),
        in_features_(parts[0].weight.cols()),
        out_features_(out_features_of(parts)),
        weights_(bytes_of(panels(), in_features_, kernels_.panel_cols)),
        bias_(bytes_of(panels(), kernels_.panel_cols)) {
    read_bias(parts, bias_.f32());
    pack(parts);
  }

  void run(const ProductCall& call) const noexcept override {
    const std::int64_t width = kernels_.panel_cols;
    for (std::int64_t col = call.first_col; col < call.last_col; col += width) {
      const std::int64_t panel = col / width;
      const std::int64_t cols = std::min(width, call.last_col - col);
      const Tensor c = call.c.col_block(col, cols);
      multiply_panel(kernels_,
                     {.a = call.a.f32(),
                      .a_stride = call.a.stride,
                      .panel = panel_at(panel),
                      .start = bias_.f32() + panel * width,
                      .c = c.f32(),
                      .c_stride = c.stride,
                      .rows = call.a.rows,
                      .cols = cols,
                      .depth = in_features_,
                      .next_panel = panel + 1 < panels() ? panel_at(panel + 1) : nullptr},
                     [&](std::int64_t first, std::int64_t rows) {
                       finish(call, c.row_block(first, rows), first, col);
                     });
    }
  }

  std::int64_t in_features() const noexcept override { return in_features_; }
  std::int64_t out_features() const noexcept override { return out_features_; }
  std::int64_t column_grain() const noexcept override { return kernels_.panel_cols; }
  std::size_t scratch_bytes(std::int64_t) const noexcept override { return 0; }
  std::size_t packed_bytes() const noexcept override { return weights_.size() + bias_.size(); }
  std::string kernel() const override { return kernels_.name; }

 private:
  std::int64_t panels() const noexcept {
    return (out_features_ + kernels_.panel_cols - 1) / kernels_.panel_cols;
  }

  const float* panel_at(std::int64_t panel) const noexcept {
    return weights_.f32() + panel * kernels_.panel_cols * in_features_;
  }

  void pack(const std::vector<ProductPart>& parts) {
    const std::int64_t width = kernels_.panel_cols;
    Buffer rows(bytes_of(width, in_features_));
    PartReader reader(parts);
    for (std::int64_t panel = 0; panel < panels(); ++panel) {
      const std::int64_t cols = std::min(width, out_features_ - panel * width);
      reader.read_rows(cols, rows.f32());
      kernels_.pack(rows.f32(), in_features_, cols, in_features_,
                    weights_.f32() + panel * width * in_features_);
    }
  }

  void finish(const ProductCall& call, const Tensor& c, std::int64_t first_row,
              std::int64_t first_col) const noexcept {
    for (std::int64_t i = 0; i < c.rows; ++i) {
      float* row = c.f32(i);
      if (activation_ != Activation::kNone) row_kernels_.activation(activation_, row, row, c.cols);
      if (call.residual.data != nullptr) {
        row_kernels_.add(row, call.residual.f32(first_row + i) + first_col, row, c.cols);
      }
    }
  }

  const Kernels& kernels_;
  const simd::Kernels& row_kernels_;
  Activation activation_;
  std::int64_t in_features_;
  std::int64_t out_features_;
  Buffer weights_;  // (panels, in_features, panel_cols), zeros beyond out_features
  Buffer bias_;     // (panels, panel_cols), likewise
};

}  // namespace

std::unique_ptr<Product> make_native_product(Isa isa, const std::vector<ProductPart>& parts,
                                             Activation activation) {
  return std::make_unique<NativeProduct>(isa, parts, activation);
}

}  // namespace weft::gemm
