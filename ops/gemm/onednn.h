// Products by oneDNN's matmul, an alternative to the native kernels: its results may depend on the
// number of rows and on how they are cut.
#pragma once

#include <memory>
#include <vector>

#include "ops/gemm/product.h"

namespace weft::gemm {

/// As make_product. oneDNN chooses its own instruction set, whatever `isa` says (forcing it is
/// global to the process); kernel() tells which. Throws Error(kUnsupported) if oneDNN offers only
/// its reference implementation.
std::unique_ptr<Product> make_onednn_product(Isa isa, const std::vector<ProductPart>& parts,
                                             Activation activation);

}  // namespace weft::gemm
