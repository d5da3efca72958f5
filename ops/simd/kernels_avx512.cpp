#include "ops/simd/kernels.inl"

namespace weft::simd {
extern const Kernels kKernelsAvx512;
const Kernels kKernelsAvx512 = make_kernels(Isa::kAvx512);
}  // namespace weft::simd
