#include "ops/simd/kernels.inl"

namespace weft::simd {
extern const Kernels kKernelsAvx2;
const Kernels kKernelsAvx2 = make_kernels(Isa::kAvx2);
}  // namespace weft::simd
