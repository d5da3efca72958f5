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

/// Each lane the bits of `even` rounded and, above them, of `odd`.
[[gnu::always_inline]] inline simd::Vec round_pairs(simd::Vec even, simd::Vec odd) {
#if defined(__AVX512BF16__)
  const __m256bh low = _mm512_cvtneps_pbh(even), high = _mm512_cvtneps_pbh(odd);
  const __m512i low_words = _mm512_cvtepu16_epi32(reinterpret_cast<const __m256i&>(low));
  const __m512i high_words = _mm512_cvtepu16_epi32(reinterpret_cast<const __m256i&>(high));
  return _mm512_castsi512_ps(_mm512_or_si512(low_words, _mm512_slli_epi32(high_words, 16)));
#else
  using simd::IntVec;
  const auto upper = [](simd::Vec x) {
    const IntVec bits = simd::bits_of_lanes(x), magnitude = bits & IntVec(0x7fffffff);
    IntVec rounded = bits + IntVec(0x7fff) + ((bits >> 16) & IntVec(1));
    rounded = xsimd::select(magnitude > IntVec(0x7f800000), bits | IntVec(0x400000), rounded);
    rounded = xsimd::select(magnitude < IntVec(0x00800000), bits & IntVec(INT32_MIN), rounded);
    return rounded & IntVec(static_cast<std::int32_t>(0xffff0000u));
  };
  const IntVec low = (upper(even) >> 16) & IntVec(0xffff);
  return simd::lanes_of_bits(low | upper(odd));
#endif
}

}  // namespace
}  // namespace weft::gemm
