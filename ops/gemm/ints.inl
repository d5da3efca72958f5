// A register of 32-bit integers of the level this file is compiled for, as wide as simd::Vec.
#pragma once

#include "ops/simd/vec.h"

namespace weft::gemm {
namespace {

using simd::kWidth;
using simd::Vec;

#if defined(__AVX512F__)
using Ints = __m512i;
[[gnu::always_inline]] inline Ints load_ints(const std::int32_t* p) {
  return _mm512_loadu_si512(p);
}
[[gnu::always_inline]] inline Vec to_floats(Ints x) { return _mm512_cvtepi32_ps(x); }
[[gnu::always_inline]] inline Ints to_ints(Vec x) { return _mm512_cvtps_epi32(x); }
[[gnu::always_inline]] inline Ints smaller(Ints a, Ints b) { return _mm512_min_epi32(a, b); }
[[gnu::always_inline]] inline Ints add(Ints a, Ints b) { return _mm512_add_epi32(a, b); }
[[gnu::always_inline]] inline Ints all(std::int32_t x) { return _mm512_set1_epi32(x); }
[[gnu::always_inline]] inline Ints minus_product(Ints a, Ints b) {
  return _mm512_sub_epi32(_mm512_setzero_si512(), _mm512_mullo_epi32(a, b));
}
[[gnu::always_inline]] inline Ints zero_ints() { return _mm512_setzero_si512(); }
[[gnu::always_inline]] inline void store_bytes(Ints x, void* p) {
  _mm_storeu_si128(static_cast<__m128i*>(p), _mm512_cvtepi32_epi8(x));
}
[[gnu::always_inline]] inline void store_unsigned_bytes(Ints x, void* p) { store_bytes(x, p); }
/// Four registers one after another, each value to the nearest of 0 .. 255.
[[gnu::always_inline]] inline void store_unsigned_bytes(Ints a, Ints b, Ints c, Ints d, void* p) {
  const Ints bytes = _mm512_packus_epi16(_mm512_packs_epi32(a, b), _mm512_packs_epi32(c, d));
  // Packing interleaves within 128 bits: the four values of a's lane i lie in dword 4 i.
  const Ints order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  _mm512_storeu_si512(p, _mm512_permutexvar_epi32(order, bytes));
}
[[gnu::always_inline]] inline void store_shorts(Ints x, void* p) {
  _mm256_storeu_si256(static_cast<__m256i*>(p), _mm512_cvtepi32_epi16(x));
}
#elif defined(__AVX2__)
using Ints = __m256i;
[[gnu::always_inline]] inline Ints load_ints(const std::int32_t* p) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}
[[gnu::always_inline]] inline Vec to_floats(Ints x) { return _mm256_cvtepi32_ps(x); }
[[gnu::always_inline]] inline Ints to_ints(Vec x) { return _mm256_cvtps_epi32(x); }
[[gnu::always_inline]] inline Ints smaller(Ints a, Ints b) { return _mm256_min_epi32(a, b); }
[[gnu::always_inline]] inline Ints add(Ints a, Ints b) { return _mm256_add_epi32(a, b); }
[[gnu::always_inline]] inline Ints all(std::int32_t x) { return _mm256_set1_epi32(x); }
[[gnu::always_inline]] inline Ints minus_product(Ints a, Ints b) {
  return _mm256_sub_epi32(_mm256_setzero_si256(), _mm256_mullo_epi32(a, b));
}
[[gnu::always_inline]] inline Ints zero_ints() { return _mm256_setzero_si256(); }
[[gnu::always_inline]] inline void store_shorts(Ints x, void* p) {
  const __m128i shorts = _mm_packs_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
  _mm_storeu_si128(static_cast<__m128i*>(p), shorts);
}
[[gnu::always_inline]] inline void store_bytes(Ints x, void* p) {
  const __m128i shorts = _mm_packs_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
  _mm_storel_epi64(static_cast<__m128i*>(p), _mm_packs_epi16(shorts, shorts));
}
[[gnu::always_inline]] inline void store_unsigned_bytes(Ints x, void* p) {
  const __m128i shorts = _mm_packs_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
  _mm_storel_epi64(static_cast<__m128i*>(p), _mm_packus_epi16(shorts, shorts));
}
[[gnu::always_inline]] inline void store_unsigned_bytes(Ints a, Ints b, Ints c, Ints d, void* p) {
  const Ints bytes = _mm256_packus_epi16(_mm256_packs_epi32(a, b), _mm256_packs_epi32(c, d));
  const Ints order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  _mm256_storeu_si256(static_cast<__m256i*>(p), _mm256_permutevar8x32_epi32(bytes, order));
}
#else
using Ints = __m128i;
[[gnu::always_inline]] inline Ints load_ints(const std::int32_t* p) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
}
[[gnu::always_inline]] inline Vec to_floats(Ints x) { return _mm_cvtepi32_ps(x); }
[[gnu::always_inline]] inline Ints to_ints(Vec x) { return _mm_cvtps_epi32(x); }
[[gnu::always_inline]] inline Ints smaller(Ints a, Ints b) { return _mm_min_epi32(a, b); }
[[gnu::always_inline]] inline Ints add(Ints a, Ints b) { return _mm_add_epi32(a, b); }
[[gnu::always_inline]] inline Ints all(std::int32_t x) { return _mm_set1_epi32(x); }
[[gnu::always_inline]] inline Ints minus_product(Ints a, Ints b) {
  return _mm_sub_epi32(_mm_setzero_si128(), _mm_mullo_epi32(a, b));
}
[[gnu::always_inline]] inline Ints zero_ints() { return _mm_setzero_si128(); }
[[gnu::always_inline]] inline void store_shorts(Ints x, void* p) {
  _mm_storel_epi64(static_cast<__m128i*>(p), _mm_packs_epi32(x, x));
}
[[gnu::always_inline]] inline void store_bytes(Ints x, void* p) {
  const __m128i shorts = _mm_packs_epi32(x, x);
  const int bytes = _mm_cvtsi128_si32(_mm_packs_epi16(shorts, shorts));
  __builtin_memcpy(p, &bytes, sizeof bytes);
}
[[gnu::always_inline]] inline void store_unsigned_bytes(Ints x, void* p) {
  const __m128i shorts = _mm_packs_epi32(x, x);
  const int bytes = _mm_cvtsi128_si32(_mm_packus_epi16(shorts, shorts));
  __builtin_memcpy(p, &bytes, sizeof bytes);
}
[[gnu::always_inline]] inline void store_unsigned_bytes(Ints a, Ints b, Ints c, Ints d, void* p) {
  _mm_storeu_si128(static_cast<__m128i*>(p),
                   _mm_packus_epi16(_mm_packs_epi32(a, b), _mm_packs_epi32(c, d)));
}
#endif

[[gnu::always_inline]] inline std::int32_t largest_lane(Ints x) {
  alignas(64) std::int32_t lanes[kWidth];
  __builtin_memcpy(lanes, &x, sizeof x);
  std::int32_t result = 0;
  for (const std::int32_t lane : lanes) result = lane > result ? lane : result;
  return result;
}

}  // namespace
}  // namespace weft::gemm
