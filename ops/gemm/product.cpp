#include "ops/gemm/product.h"

#include "ops/gemm/native.h"
#include "ops/gemm/onednn.h"

namespace weft {

std::unique_ptr<Product> make_product(GemmBackend backend, Isa isa,
                                      const std::vector<ProductPart>& parts,
                                      Activation activation) {
  switch (backend) {
    case GemmBackend::kOneDnn: return gemm::make_onednn_product(isa, parts, activation);
    case GemmBackend::kNative: break;
  }
  return gemm::make_native_product(isa, parts, activation);
}

}  // namespace weft
