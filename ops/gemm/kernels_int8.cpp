#include "ops/gemm/kernels_int8.h"

namespace weft::gemm {

extern const Int8Kernels kInt8KernelsBaseline;
extern const Int8Kernels kInt8KernelsAvx2;
extern const Int8Kernels kInt8KernelsAvx512;
extern const Int8Kernels kInt8KernelsAvx512Vnni;

const Int8Kernels& int8_kernels(Isa isa) noexcept {
  switch (isa) {
    case Isa::kAmx:
    case Isa::kAvx512Bf16:
    case Isa::kAvx512Vnni: return kInt8KernelsAvx512Vnni;
    case Isa::kAvx512: return kInt8KernelsAvx512;
    case Isa::kAvx2: return kInt8KernelsAvx2;
    case Isa::kBaseline: break;
  }
  return kInt8KernelsBaseline;
}

}  // namespace weft::gemm
