#include "ops/gemm/kernels.h"

namespace weft::gemm {

extern const Kernels kKernelsBaseline;
extern const Kernels kKernelsAvx2;
extern const Kernels kKernelsAvx512;

const Kernels& kernels(Isa isa) noexcept {
  switch (isa) {
    case Isa::kAmx:
    case Isa::kAvx512Bf16:
    case Isa::kAvx512Vnni:
    case Isa::kAvx512: return kKernelsAvx512;
    case Isa::kAvx2: return kKernelsAvx2;
    case Isa::kBaseline: break;
  }
  return kKernelsBaseline;
}

}  // namespace weft::gemm
