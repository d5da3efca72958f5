#include "ops/gemm/onednn.h"

#include "weft/error.h"

namespace weft::gemm {

std::unique_ptr<Product> make_onednn_product(Isa, const std::vector<ProductPart>&, Activation) {
  throw Error(Reason::kUnsupported, "[linear] gemm onednn is not supported yet");
}

}  // namespace weft::gemm
