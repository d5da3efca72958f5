// Answers in the library's place which bfloat16 attention a level has: on every level the one over
// tiles in portable code. The program that links this takes it before the library's.
#include "tests/ops/emulated_attention.h"

namespace weft::simd {

const AttentionKernels* bf16_attention(Isa isa) noexcept {
  return isa >= Isa::kAvx512 ? &kBf16AttentionEmulatedAvx512 : &kBf16AttentionEmulated;
}

}  // namespace weft::simd
