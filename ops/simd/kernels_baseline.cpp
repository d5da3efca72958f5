#include "ops/simd/kernels.inl"

namespace weft::simd {
extern const Kernels kKernelsBaseline;
const Kernels kKernelsBaseline = make_kernels(Isa::kBaseline);
}  // namespace weft::simd
