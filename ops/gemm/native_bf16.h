// weft's own products with weights in bfloat16, half the memory of f32: sums, bias, activation and
// residual stay in f32.
#pragma once

#include <memory>
#include <vector>

#include "ops/gemm/bf16_kernels.h"
#include "ops/gemm/product.h"

namespace weft::gemm {

/// As make_product. Weights are rounded to nearest even. Tests give their own kernels.
std::unique_ptr<Product> make_bf16_product(const Bf16Kernels& kernels,
                                           const std::vector<ProductPart>& parts,
                                           Activation activation, PackStore* store = nullptr);

}  // namespace weft::gemm
