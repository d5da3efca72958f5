// bfloat16 attention over tiles in portable code: what it packs, pads and masks can be tested on
// machines without AMX. In vectors of the baseline, and in those of AVX-512, which the real tiles
// have beside them.
#pragma once

#include "ops/simd/kernels.h"

namespace weft::simd {

extern const AttentionKernels kBf16AttentionEmulated;
extern const AttentionKernels kBf16AttentionEmulatedAvx512;

}  // namespace weft::simd
