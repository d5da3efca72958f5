#include "ops/simd/kernels.h"

namespace weft::simd {

extern const AttentionKernels kBf16AttentionAvx512;
extern const AttentionKernels kBf16AttentionAmx;

const AttentionKernels* bf16_attention(Isa isa) noexcept {
  if (isa == Isa::kAmx) return &kBf16AttentionAmx;
  return isa == Isa::kAvx512Bf16 ? &kBf16AttentionAvx512 : nullptr;
}

}  // namespace weft::simd
