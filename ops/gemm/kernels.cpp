#include "ops/gemm/kernels.h"

#include "ops/gemm/bf16_kernels.h"

namespace weft::gemm {

extern const Kernels kKernelsBaseline;
extern const Kernels kKernelsAvx2;
extern const Kernels kKernelsAvx512;
extern const Bf16Kernels kBf16KernelsBaseline;
extern const Bf16Kernels kBf16KernelsAvx2;
extern const Bf16Kernels kBf16KernelsAvx512;
extern const Bf16Kernels kBf16KernelsAvx512Bf16;
extern const Bf16Kernels kBf16KernelsAmx;

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

const Bf16Kernels& bf16_kernels(Isa isa) noexcept {
  switch (isa) {
    case Isa::kAmx: return kBf16KernelsAmx;
    case Isa::kAvx512Bf16: return kBf16KernelsAvx512Bf16;
    case Isa::kAvx512Vnni:
    case Isa::kAvx512: return kBf16KernelsAvx512;
    case Isa::kAvx2: return kBf16KernelsAvx2;
    case Isa::kBaseline: break;
  }
  return kBf16KernelsBaseline;
}

}  // namespace weft::gemm
