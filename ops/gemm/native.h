// weft's own products: weights in panels of columns, each element one chain over k.
#pragma once

#include <memory>
#include <vector>

#include "ops/gemm/product.h"

namespace weft::gemm {

/// As make_product.
std::unique_ptr<Product> make_native_product(Isa isa, const std::vector<ProductPart>& parts,
                                             Activation activation, PackStore* store);

}  // namespace weft::gemm
