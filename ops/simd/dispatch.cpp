#include "ops/simd/kernels.h"

namespace weft::simd {

extern const Kernels kKernelsBaseline;
extern const Kernels kKernelsAvx2;
extern const Kernels kKernelsAvx512;

const Kernels* kernels(Isa isa) noexcept {
  switch (isa) {
    case Isa::kBaseline: return &kKernelsBaseline;
    case Isa::kAvx2: return &kKernelsAvx2;
    case Isa::kAvx512:
    case Isa::kAvx512Vnni:
    case Isa::kAvx512Bf16:
    case Isa::kAmx: return &kKernelsAvx512;
  }
  return nullptr;
}

}  // namespace weft::simd
