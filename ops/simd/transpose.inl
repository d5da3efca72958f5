// Rows into lanes: the one place where the attention kernels need shuffles.
#pragma once

#include "ops/simd/vec.h"

namespace weft::simd {
namespace {

#if defined(__AVX512F__)
// The forms without a mask read an undefined register, which g++ 12 warns of; this one is free.
constexpr __mmask16 kAllLanes = 0xffff;
// Lane group g holds 4 floats of rows[4 g + r] from `column`.
inline __m512 load_groups(const float* const* rows, int r, std::int64_t column) {
  __m512 x = _mm512_castps128_ps512(_mm_loadu_ps(rows[r] + column));
  x = _mm512_maskz_insertf32x4(kAllLanes, x, _mm_loadu_ps(rows[4 + r] + column), 1);
  x = _mm512_maskz_insertf32x4(kAllLanes, x, _mm_loadu_ps(rows[8 + r] + column), 2);
  return _mm512_maskz_insertf32x4(kAllLanes, x, _mm_loadu_ps(rows[12 + r] + column), 3);
}
inline __m512 interleave_low(__m512 a, __m512 b) {
  return _mm512_maskz_unpacklo_ps(kAllLanes, a, b);
}
inline __m512 interleave_high(__m512 a, __m512 b) {
  return _mm512_maskz_unpackhi_ps(kAllLanes, a, b);
}
inline __m512 low_pairs(__m512 a, __m512 b) {
  return _mm512_maskz_shuffle_ps(kAllLanes, a, b, _MM_SHUFFLE(1, 0, 1, 0));
}
inline __m512 high_pairs(__m512 a, __m512 b) {
  return _mm512_maskz_shuffle_ps(kAllLanes, a, b, _MM_SHUFFLE(3, 2, 3, 2));
}
#elif defined(__AVX2__)
inline __m256 load_groups(const float* const* rows, int r, std::int64_t column) {
  const __m256 x = _mm256_castps128_ps256(_mm_loadu_ps(rows[r] + column));
  return _mm256_insertf128_ps(x, _mm_loadu_ps(rows[4 + r] + column), 1);
}
inline __m256 interleave_low(__m256 a, __m256 b) { return _mm256_unpacklo_ps(a, b); }
inline __m256 interleave_high(__m256 a, __m256 b) { return _mm256_unpackhi_ps(a, b); }
inline __m256 low_pairs(__m256 a, __m256 b) {
  return _mm256_shuffle_ps(a, b, _MM_SHUFFLE(1, 0, 1, 0));
}
inline __m256 high_pairs(__m256 a, __m256 b) {
  return _mm256_shuffle_ps(a, b, _MM_SHUFFLE(3, 2, 3, 2));
}
#else
inline __m128 load_groups(const float* const* rows, int r, std::int64_t column) {
  return _mm_loadu_ps(rows[r] + column);
}
inline __m128 interleave_low(__m128 a, __m128 b) { return _mm_unpacklo_ps(a, b); }
inline __m128 interleave_high(__m128 a, __m128 b) { return _mm_unpackhi_ps(a, b); }
inline __m128 low_pairs(__m128 a, __m128 b) { return _mm_movelh_ps(a, b); }
inline __m128 high_pairs(__m128 a, __m128 b) { return _mm_movehl_ps(b, a); }
#endif

// out[c * out_stride + lane] = finish(rows[lane][c]) for c in [0, n), finish being given vectors.
// Bits move as they are.
template <typename Finish>
[[gnu::always_inline]] inline void transpose(const float* const (&rows)[kWidth], std::int64_t n,
                                             float* out, std::int64_t out_stride, Finish finish) {
  std::int64_t c = 0;
  for (; c + 4 <= n; c += 4) {
    const auto x0 = load_groups(rows, 0, c);
    const auto x1 = load_groups(rows, 1, c);
    const auto x2 = load_groups(rows, 2, c);
    const auto x3 = load_groups(rows, 3, c);
    const auto low01 = interleave_low(x0, x1);
    const auto low23 = interleave_low(x2, x3);
    const auto high01 = interleave_high(x0, x1);
    const auto high23 = interleave_high(x2, x3);
    store(out + c * out_stride, finish(Vec(low_pairs(low01, low23))));
    store(out + (c + 1) * out_stride, finish(Vec(high_pairs(low01, low23))));
    store(out + (c + 2) * out_stride, finish(Vec(low_pairs(high01, high23))));
    store(out + (c + 3) * out_stride, finish(Vec(high_pairs(high01, high23))));
  }
  // The pointer moves because g++ 12 warns that c * out_stride overflows where n is a constant.
  for (float* column = out + c * out_stride; c < n; ++c, column += out_stride) {
    for (int lane = 0; lane < kWidth; ++lane) column[lane] = rows[lane][c];
    store(column, finish(load(column)));
  }
}

inline void transpose(const float* const (&rows)[kWidth], std::int64_t n, float* out,
                      std::int64_t out_stride) {
  transpose(rows, n, out, out_stride, [](Vec x) { return x; });
}

inline void transpose_scaled(const float* const (&rows)[kWidth], std::int64_t n, float factor,
                             float* out, std::int64_t out_stride) {
  const Vec factors = Vec(factor);
  transpose(rows, n, out, out_stride, [=](Vec x) { return x * factors; });
}

}  // namespace
}  // namespace weft::simd
