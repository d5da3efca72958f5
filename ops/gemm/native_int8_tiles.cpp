#include "ops/gemm/native_int8.h"
#include "ops/gemm/packed_int8.h"

namespace weft::gemm {
namespace {

class Int8TileProduct final : public Product {
 public:
  Int8TileProduct(const Int8TileKernels& kernels, const std::vector<ProductPart>& parts,
                  Activation activation, PackStore* store)
      : kernels_(kernels),
        activation_(activation),
        packed_(parts,
                {kernels.panel_cols, Int8TileKernels::kStepDepth, Int8TileKernels::kDepthGrain,
                 kernels.quantize_weights},
                store) {}

  void run(const ProductCall& call) const noexcept override {
    kernels_.multiply({.a = call.a.f32(),
                       .a_stride = call.a.stride,
                       .b = packed_.weights(0),
                       .col_sum = packed_.sums(0),
                       .col_scale = packed_.scales(0),
                       .bias = packed_.bias(0),
                       .c = call.c.f32(),
                       .c_stride = call.c.stride,
                       .residual = call.residual.data == nullptr ? nullptr : call.residual.f32(),
                       .residual_stride = call.residual.stride,
                       .rows = call.a.rows,
                       .depth = packed_.in_features(),
                       .first_col = call.first_col,
                       .last_col = call.last_col,
                       .activation = activation_,
                       .scratch = call.scratch});
  }

  std::int64_t in_features() const noexcept override { return packed_.in_features(); }
  std::int64_t out_features() const noexcept override { return packed_.out_features(); }
  std::int64_t column_grain() const noexcept override { return kernels_.panel_cols; }
  std::size_t scratch_bytes(std::int64_t rows) const noexcept override {
    return kernels_.scratch_bytes(rows, packed_.in_features());
  }
  std::size_t packed_bytes() const noexcept override { return packed_.bytes(); }
  std::string kernel() const override { return kernels_.name; }

 private:
  const Int8TileKernels& kernels_;
  Activation activation_;
  PackedInt8 packed_;
};

}  // namespace

std::unique_ptr<Product> make_int8_tile_product(const Int8TileKernels& kernels,
                                                const std::vector<ProductPart>& parts,
                                                Activation activation, PackStore* store) {
  return std::make_unique<Int8TileProduct>(kernels, parts, activation, store);
}

}  // namespace weft::gemm
