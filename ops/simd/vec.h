// The one shim over xsimd 8.1.0: a register of floats of the level this file is compiled for, and
// the few operations that the kernels need beside xsimd's arithmetic (+ - * /, xsimd::abs, sqrt,
// select). Everything has internal linkage, because each level compiles its own copy.
#pragma once

#include <cstddef>
#include <cstdint>

// g++ 12's own AVX-512 intrinsics start from an undefined register and warn of it.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif
#include <immintrin.h>

#include <xsimd/xsimd.hpp>
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

namespace weft::simd {
namespace {

using Vec = xsimd::batch<float>;
using IntVec = xsimd::batch<std::int32_t>;
constexpr std::int64_t kWidth = static_cast<std::int64_t>(Vec::size);  // 16, 8 or 4 floats

[[gnu::always_inline]] inline Vec load(const float* p) { return Vec::load_unaligned(p); }
[[gnu::always_inline]] inline void store(float* p, Vec x) { x.store_unaligned(p); }

/// a * b + c, rounded once where the level has FMA, else twice (product first).
[[gnu::always_inline]] inline Vec mul_add(Vec a, Vec b, Vec c) {
#if defined(__AVX512F__)
  return _mm512_fmadd_ps(a, b, c);
#elif defined(__FMA__)
  return _mm256_fmadd_ps(a, b, c);
#else
  return a * b + c;
#endif
}

/// mul_add(*a, b, c). On AVX-512 one instruction of one fused micro-operation, unless the address
/// takes an index.
[[gnu::always_inline]] inline Vec mul_add_from(const float* a, Vec b, Vec c) {
#if defined(__AVX512F__)
  asm("vfmadd231ps %2%{1to16%}, %1, %0" : "+v"(c.data) : "v"(b.data), "m"(*a));
  return c;
#else
  return mul_add(Vec(*a), b, c);
#endif
}

/// c - a * b, rounded as mul_add.
[[gnu::always_inline]] inline Vec negative_mul_add(Vec a, Vec b, Vec c) {
#if defined(__AVX512F__)
  return _mm512_fnmadd_ps(a, b, c);
#elif defined(__FMA__)
  return _mm256_fnmadd_ps(a, b, c);
#else
  return c - a * b;
#endif
}

/// max(x, bound) and min(x, bound), where a NaN in x stays and one in bound is lost.
/// The x86 instructions return their second operand if either is NaN.
[[gnu::always_inline]] inline Vec at_least(Vec x, Vec bound) {
#if defined(__AVX512F__)
  return _mm512_max_ps(bound, x);
#elif defined(__AVX2__)
  return _mm256_max_ps(bound, x);
#else
  return _mm_max_ps(bound, x);
#endif
}
[[gnu::always_inline]] inline Vec at_most(Vec x, Vec bound) {
#if defined(__AVX512F__)
  return _mm512_min_ps(bound, x);
#elif defined(__AVX2__)
  return _mm256_min_ps(bound, x);
#else
  return _mm_min_ps(bound, x);
#endif
}

/// max(a, b); NaN where either is. (xsimd 8.1.0's != is ordered from AVX on: NaN != NaN is false.)
[[gnu::always_inline]] inline Vec larger_or_nan(Vec a, Vec b) {
#if defined(__AVX512F__)
  return _mm512_mask_mov_ps(at_least(a, b), _mm512_cmp_ps_mask(b, b, _CMP_UNORD_Q), b);
#elif defined(__AVX2__)
  return _mm256_blendv_ps(at_least(a, b), b, _mm256_cmp_ps(b, b, _CMP_UNORD_Q));
#else
  return _mm_blendv_ps(at_least(a, b), b, _mm_cmpunord_ps(b, b));
#endif
}

#if defined(__AVX512F__)
[[gnu::always_inline]] inline __mmask16 first_lanes(std::int64_t n) {
  return static_cast<__mmask16>((1u << n) - 1u);
}
#elif defined(__AVX2__)
[[gnu::always_inline]] inline __m256i first_lanes(std::int64_t n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)),
                            _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
#else
[[gnu::always_inline]] inline __m128 first_lanes(std::int64_t n) {
  return _mm_castsi128_ps(
      _mm_cmpgt_epi32(_mm_set1_epi32(static_cast<int>(n)), _mm_setr_epi32(0, 1, 2, 3)));
}
#endif

/// x in the first n lanes, fill in the others. 0 <= n <= kWidth, here and below.
[[gnu::always_inline]] inline Vec keep_first(Vec x, std::int64_t n, Vec fill) {
#if defined(__AVX512F__)
  return _mm512_mask_mov_ps(fill, first_lanes(n), x);
#elif defined(__AVX2__)
  return _mm256_blendv_ps(fill, x, _mm256_castsi256_ps(first_lanes(n)));
#else
  return _mm_blendv_ps(fill, x, first_lanes(n));
#endif
}

/// x in lanes where first <= i < last, fill in the others.
[[gnu::always_inline]] inline Vec keep_between(Vec x, IntVec first, std::int32_t i, IntVec last,
                                               Vec fill) {
#if defined(__AVX512F__)
  const __m512i here = _mm512_set1_epi32(i);
  const __mmask16 kept =
      _mm512_mask_cmpgt_epi32_mask(_mm512_cmple_epi32_mask(first, here), last, here);
  return _mm512_mask_mov_ps(fill, kept, x);
#elif defined(__AVX2__)
  const __m256i here = _mm256_set1_epi32(i);
  const __m256i kept =
      _mm256_andnot_si256(_mm256_cmpgt_epi32(first, here), _mm256_cmpgt_epi32(last, here));
  return _mm256_blendv_ps(fill, x, _mm256_castsi256_ps(kept));
#else
  const __m128i here = _mm_set1_epi32(i);
  const __m128i kept = _mm_andnot_si128(_mm_cmpgt_epi32(first, here), _mm_cmpgt_epi32(last, here));
  return _mm_blendv_ps(fill, x, _mm_castsi128_ps(kept));
#endif
}

/// x where its magnitude is at most `bound`, 0 in the other lanes, those of NaN too.
[[gnu::always_inline]] inline Vec zero_beyond(Vec x, Vec bound) {
#if defined(__AVX512F__)
  return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(xsimd::abs(x), bound, _CMP_LE_OQ), x);
#elif defined(__AVX2__)
  return _mm256_and_ps(x, _mm256_cmp_ps(xsimd::abs(x), bound, _CMP_LE_OQ));
#else
  return _mm_and_ps(x, _mm_cmple_ps(xsimd::abs(x), bound));
#endif
}

/// n floats in the first lanes and `fill` in the others; reads nothing beyond the n floats.
[[gnu::always_inline]] inline Vec load_partial(const float* p, std::int64_t n, Vec fill) {
#if defined(__AVX512F__)
  return _mm512_mask_loadu_ps(fill, first_lanes(n), p);
#elif defined(__AVX2__)
  const __m256i lanes = first_lanes(n);
  return _mm256_blendv_ps(fill, _mm256_maskload_ps(p, lanes), _mm256_castsi256_ps(lanes));
#else
  alignas(16) float lanes[4];
  _mm_store_ps(lanes, fill);
  for (std::int64_t i = 0; i < n; ++i) lanes[i] = p[i];
  return _mm_load_ps(lanes);
#endif
}
[[gnu::always_inline]] inline Vec load_partial(const float* p, std::int64_t n) {
#if defined(__AVX512F__)
  return _mm512_maskz_loadu_ps(first_lanes(n), p);
#elif defined(__AVX2__)
  return _mm256_maskload_ps(p, first_lanes(n));
#else
  return load_partial(p, n, Vec(0.0f));
#endif
}

/// Writes the first n lanes and nothing beyond them.
[[gnu::always_inline]] inline void store_partial(float* p, Vec x, std::int64_t n) {
#if defined(__AVX512F__)
  _mm512_mask_storeu_ps(p, first_lanes(n), x);
#elif defined(__AVX2__)
  _mm256_maskstore_ps(p, first_lanes(n), x);
#else
  alignas(16) float lanes[4];
  _mm_store_ps(lanes, x);
  for (std::int64_t i = 0; i < n; ++i) p[i] = lanes[i];
#endif
}

[[gnu::always_inline]] inline __m128 upper_half(__m128 x) { return _mm_movehl_ps(x, x); }

/// Sum of all lanes by halving: lane i + lane i + width/2 first.
[[gnu::always_inline]] inline float horizontal_sum(Vec x) {
#if defined(__AVX512F__)
  const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(x), _mm512_extractf32x8_ps(x, 1));
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
#elif defined(__AVX2__)
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
#else
  const __m128 four = x;
#endif
  const __m128 two = _mm_add_ps(four, upper_half(four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

/// Largest lane; meaningless if a lane is NaN.
[[gnu::always_inline]] inline float horizontal_max(Vec x) {
#if defined(__AVX512F__)
  const __m256 eight = _mm256_max_ps(_mm512_castps512_ps256(x), _mm512_extractf32x8_ps(x, 1));
  const __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
#elif defined(__AVX2__)
  const __m128 four = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
#else
  const __m128 four = x;
#endif
  const __m128 two = _mm_max_ps(four, upper_half(four));
  return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}

[[gnu::always_inline]] inline IntVec bits_of_lanes(Vec x) { return xsimd::bitwise_cast<IntVec>(x); }
[[gnu::always_inline]] inline Vec lanes_of_bits(IntVec x) { return xsimd::bitwise_cast<Vec>(x); }

/// a where x has its sign bit clear, b where it is set (-0 and negative NaN included).
[[gnu::always_inline]] inline Vec select_by_sign(Vec x, Vec a, Vec b) {
#if defined(__AVX512F__)
  return _mm512_mask_mov_ps(a, _mm512_movepi32_mask(_mm512_castps_si512(x)), b);
#elif defined(__AVX2__)
  return _mm256_blendv_ps(a, b, x);
#else
  return _mm_blendv_ps(a, b, x);
#endif
}

/// Lanes of b whose number has the bit kBit, the others of a. kBit is a power of two below kWidth.
template <int kBit>
[[gnu::always_inline]] inline Vec lanes_with_bit(Vec a, Vec b) {
  constexpr unsigned kLanes = kBit == 1   ? 0xAAAAu
                              : kBit == 2 ? 0xCCCCu
                              : kBit == 4 ? 0xF0F0u
                                          : 0xFF00u;
#if defined(__AVX512F__)
  return _mm512_mask_mov_ps(a, static_cast<__mmask16>(kLanes), b);
#elif defined(__AVX2__)
  return _mm256_blend_ps(a, b, static_cast<int>(kLanes & 0xFFu));
#else
  return _mm_blend_ps(a, b, static_cast<int>(kLanes & 0xFu));
#endif
}

/// Lane i of the result is lane lanes[i] of x; lanes are 0 to kWidth - 1.
[[gnu::always_inline]] inline Vec permute(Vec x, IntVec lanes) {
#if defined(__AVX512F__)
  return _mm512_maskz_permutexvar_ps(static_cast<__mmask16>(0xFFFF), lanes, x);
#elif defined(__AVX2__)
  return _mm256_permutevar8x32_ps(x, lanes);
#else
  alignas(16) float from[4];
  alignas(16) std::int32_t index[4];
  _mm_store_ps(from, x);
  lanes.store_aligned(index);
  return _mm_setr_ps(from[index[0]], from[index[1]], from[index[2]], from[index[3]]);
#endif
}

/// kWidth / 2 floats, each in two lanes side by side.
[[gnu::always_inline]] inline Vec load_doubled(const float* p) {
#if defined(__AVX512F__)
  const __m512i lanes = _mm512_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7);
  return _mm512_permutexvar_ps(lanes, _mm512_castps256_ps512(_mm256_loadu_ps(p)));
#elif defined(__AVX2__)
  const __m256i lanes = _mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3);
  return _mm256_permutevar8x32_ps(_mm256_castps128_ps256(_mm_loadu_ps(p)), lanes);
#else
  const __m128 two = _mm_castsi128_ps(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
  return _mm_unpacklo_ps(two, two);
#endif
}

/// Lanes 2 i and 2 i + 1, a and b, become a cos - b sin and b cos + a sin; rounded as mul_add.
[[gnu::always_inline]] inline Vec rotate_pairs(Vec x, Vec cos, Vec sin) {
#if defined(__AVX512F__)
  return _mm512_fmaddsub_ps(x, cos, _mm512_mul_ps(_mm512_permute_ps(x, 0xB1), sin));
#elif defined(__AVX2__)
  return _mm256_fmaddsub_ps(x, cos, _mm256_mul_ps(_mm256_permute_ps(x, 0xB1), sin));
#else
  return _mm_addsub_ps(x * cos, Vec(_mm_shuffle_ps(x, x, 0xB1)) * sin);
#endif
}

/// |x| with the sign of `sign`.
[[gnu::always_inline]] inline Vec with_sign(Vec magnitude, Vec sign) {
  const Vec mask(-0.0f);
  return magnitude | (sign & mask);
}

/// Binary16 widened exactly, subnormals too; kWidth elements.
[[gnu::always_inline]] inline Vec load_f16(const std::uint16_t* p) {
#if defined(__AVX512F__)
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
#elif defined(__AVX2__)
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
#else
  const __m128i x = _mm_cvtepu16_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
  const __m128i magnitude = _mm_and_si128(x, _mm_set1_epi32(0x7fff));
  const __m128i sign = _mm_slli_epi32(_mm_and_si128(x, _mm_set1_epi32(0x8000)), 16);
  // The exponent's bias grows by 112, for infinity and NaN by another 112.
  const __m128i bias = _mm_set1_epi32(112 << 23);
  const __m128i special = _mm_cmpgt_epi32(magnitude, _mm_set1_epi32(0x7bff));
  const __m128i normal = _mm_add_epi32(_mm_add_epi32(_mm_slli_epi32(magnitude, 13), bias),
                                       _mm_and_si128(special, bias));
  // A subnormal is its integer times 2^-24: no float on the way is subnormal, so that flushing of
  // subnormals cannot change it.
  const __m128 subnormal =
      _mm_mul_ps(_mm_cvtepi32_ps(magnitude), _mm_set1_ps(5.9604644775390625e-8f));
  const __m128i is_subnormal = _mm_cmpgt_epi32(_mm_set1_epi32(0x400), magnitude);
  const __m128i bits = _mm_blendv_epi8(normal, _mm_castps_si128(subnormal), is_subnormal);
  return _mm_castsi128_ps(_mm_or_si128(bits, sign));
#endif
}

/// bfloat16 widened exactly; kWidth elements.
[[gnu::always_inline]] inline Vec load_bf16(const std::uint16_t* p) {
#if defined(__AVX512F__)
  const __m512i x = _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  return _mm512_castsi512_ps(_mm512_slli_epi32(x, 16));
#elif defined(__AVX2__)
  const __m256i x = _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  return _mm256_castsi256_ps(_mm256_slli_epi32(x, 16));
#else
  const __m128i x = _mm_cvtepu16_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
  return _mm_castsi128_ps(_mm_slli_epi32(x, 16));
#endif
}

}  // namespace
}  // namespace weft::simd
