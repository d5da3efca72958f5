// f32 to bfloat16 as VCVTNEPS2BF16 does it: to nearest even, subnormals as zero, NaN made quiet.
#pragma once

#include "ops/simd/vec.h"

namespace weft::gemm {
namespace {

/// out[0, 32): the first n of x rounded (0 <= n <= 32), zeros after them. out is 64-byte aligned.
[[gnu::always_inline]] inline void round_32(const float* x, std::int64_t n, std::uint16_t* out) {
#if defined(__AVX512BF16__)
  // Two halves, not VCVTNE2PS2BF16: it is no faster, and an emulator gets it wrong.
  for (std::int64_t half = 0; half < 2; ++half) {
    const std::int64_t left = n - 16 * half;
    const __m512 values =
        left >= 16 ? _mm512_loadu_ps(x + 16 * half)
                   : _mm512_maskz_loadu_ps(simd::first_lanes(left > 0 ? left : 0), x + 16 * half);
    const __m256bh rounded = _mm512_cvtneps_pbh(values);
    _mm256_store_si256(reinterpret_cast<__m256i*>(out + 16 * half),
                       reinterpret_cast<const __m256i&>(rounded));
  }
#else
  for (std::int64_t i = 0; i < 32; ++i) {
    const std::uint32_t bits = i < n ? __builtin_bit_cast(std::uint32_t, x[i]) : 0;
    const std::uint32_t magnitude = bits & 0x7fffffffu;
    std::uint32_t rounded = (bits + 0x7fffu + (bits >> 16 & 1)) >> 16;
    if (magnitude > 0x7f800000u) rounded = bits >> 16 | 0x40;
    if (magnitude < 0x00800000u) rounded = bits >> 31 << 15;
    out[i] = static_cast<std::uint16_t>(rounded);
  }
#endif
}

}  // namespace
}  // namespace weft::gemm
