#include "ops/gemm/native_bf16.h"

#include <algorithm>
#include <bit>

#include "ops/buffer.h"
#include "ops/gemm/pack_words.h"
#include "ops/gemm/parts.h"

namespace weft::gemm {
namespace {

/// To nearest even; NaN stays NaN.
std::uint16_t rounded(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const bool is_nan = (bits & 0x7fffffffu) > 0x7f800000u;
  const std::uint32_t up = bits + 0x7fffu + (bits >> 16 & 1);
  return static_cast<std::uint16_t>(is_nan ? bits >> 16 | 0x40 : up >> 16);
}

class Bf16Product final : public Product {
 public:
  Bf16Product(const Bf16Kernels& kernels, const std::vector<ProductPart>& parts,
              Activation activation, PackStore* store)
      : kernels_(kernels),
        activation_(activation),
        in_features_(parts[0].weight.cols()),
        out_features_(out_features_of(parts)) {
    PackLayout layout;
    layout.add(bytes_of(panels(), pairs(), kernels_.panel_cols));
    const std::size_t bias = layout.add(bytes_of(panels(), kernels_.panel_cols));
    packed_ = get_packed(store, layout.size(), [&](std::byte* out) {
      read_bias(parts, reinterpret_cast<float*>(out + bias));
      pack(parts, reinterpret_cast<std::uint32_t*>(out));
    });
    weights_ = reinterpret_cast<const std::uint16_t*>(packed_.data());
    bias_ = reinterpret_cast<const float*>(packed_.data() + bias);
  }

  void run(const ProductCall& call) const noexcept override {
    kernels_.multiply({.a = call.a.f32(),
                       .a_stride = call.a.stride,
                       .b = weights_,
                       .bias = bias_,
                       .c = call.c.f32(),
                       .c_stride = call.c.stride,
                       .residual = call.residual.data == nullptr ? nullptr : call.residual.f32(),
                       .residual_stride = call.residual.stride,
                       .rows = call.a.rows,
                       .depth = in_features_,
                       .first_col = call.first_col,
                       .last_col = call.last_col,
                       .activation = activation_,
                       .scratch = call.scratch});
  }

  std::int64_t in_features() const noexcept override { return in_features_; }
  std::int64_t out_features() const noexcept override { return out_features_; }
  std::int64_t column_grain() const noexcept override { return kernels_.panel_cols; }
  std::size_t scratch_bytes(std::int64_t rows) const noexcept override {
    return kernels_.scratch_bytes(rows, in_features_);
  }
  std::size_t packed_bytes() const noexcept override { return packed_.size(); }
  std::string kernel() const override { return kernels_.name; }

 private:
  std::int64_t panels() const noexcept {
    return (out_features_ + kernels_.panel_cols - 1) / kernels_.panel_cols;
  }
  // of k, padded
  std::int64_t pairs() const noexcept {
    return (in_features_ + kBf16DepthGrain - 1) / kBf16DepthGrain * (kBf16DepthGrain / 2);
  }

  void pack(const std::vector<ProductPart>& parts, std::uint32_t* out) const {
    const std::int64_t width = kernels_.panel_cols;
    Buffer rows(bytes_of(width, in_features_));
    Buffer narrow(bytes_of(width, pairs()));  // (width, pairs, 2), zeros beyond in_features
    PartReader reader(parts);
    for (std::int64_t panel = 0; panel < panels(); ++panel) {
      const std::int64_t cols = std::min(width, out_features_ - panel * width);
      reader.read_rows(cols, rows.f32());
      for (std::int64_t j = 0; j < cols; ++j) {
        std::transform(rows.f32() + j * in_features_, rows.f32() + (j + 1) * in_features_,
                       reinterpret_cast<std::uint16_t*>(narrow.data()) + j * 2 * pairs(), rounded);
      }
      pack_words(reinterpret_cast<const std::uint32_t*>(narrow.data()), pairs(), cols, pairs(),
                 width, out + panel * pairs() * width);
    }
  }

  const Bf16Kernels& kernels_;
  Activation activation_;
  std::int64_t in_features_;
  std::int64_t out_features_;
  Packed packed_;
  const std::uint16_t* weights_;  // (panels, pairs, panel_cols, 2) bfloat16, zeros beyond both
                                  // features
  const float* bias_;             // (panels, panel_cols), likewise
};

}  // namespace

std::unique_ptr<Product> make_bf16_product(const Bf16Kernels& kernels,
                                           const std::vector<ProductPart>& parts,
                                           Activation activation, PackStore* store) {
  return std::make_unique<Bf16Product>(kernels, parts, activation, store);
}

}  // namespace weft::gemm
