// The int8 microkernels, compiled once per level: kernels_int8_<isa>.cpp defines kName, kVectors
// (vectors in a panel's width) and kMaxRows (rows of the largest tile) and includes this.
//
// With VNNI a group is four unsigned bytes of a against four signed bytes of b, one vpdpbusd; what
// the zero's byte adds, zero times the sum of a column, is subtracted before. Without, it is two
// 16-bit values of a, the zero's byte subtracted, against two bytes of b, widened as they are
// loaded: vpmaddwd and an addition. (vpmaddubsw would saturate: 2 * 127 * 255 exceeds 16 bits.)
// The empty asm keeps g++ 12 from adding the products of four steps among themselves first, for
// which it has not the registers (57 spills in the AVX2 tile).
#include "ops/simd/vec.h"

namespace weft::gemm {
namespace {

using simd::kWidth;
using simd::Vec;

constexpr std::int64_t kPanelCols = kVectors * kWidth;

#if defined(__AVX512VNNI__)
constexpr std::int64_t kStepDepth = 4;
#else
constexpr std::int64_t kStepDepth = 2;
#endif

#if defined(__AVX512F__)
using Ints = __m512i;
[[gnu::always_inline]] inline Ints load_ints(const std::int32_t* p) {
  return _mm512_loadu_si512(p);
}
[[gnu::always_inline]] inline Ints group(const std::byte* p) {
  std::int32_t bytes;
  __builtin_memcpy(&bytes, p, sizeof bytes);
  return _mm512_set1_epi32(bytes);
}
#if defined(__AVX512VNNI__)
[[gnu::always_inline]] inline Ints load_weights(const std::int8_t* p) {
  return _mm512_loadu_si512(p);
}
[[gnu::always_inline]] inline Ints add_products(Ints sum, Ints a, Ints b) {
  return _mm512_dpbusd_epi32(sum, a, b);
}
#else
[[gnu::always_inline]] inline Ints load_weights(const std::int8_t* p) {
  return _mm512_cvtepi8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}
[[gnu::always_inline]] inline Ints add_products(Ints sum, Ints a, Ints b) {
  sum = _mm512_add_epi32(sum, _mm512_madd_epi16(a, b));
  asm("" : "+v"(sum));
  return sum;
}
#endif
[[gnu::always_inline]] inline Vec to_floats(Ints x) { return _mm512_cvtepi32_ps(x); }
[[gnu::always_inline]] inline Ints to_ints(Vec x) { return _mm512_cvtps_epi32(x); }
[[gnu::always_inline]] inline Ints magnitude_bits(Vec x) {
  return _mm512_and_si512(_mm512_castps_si512(x), _mm512_set1_epi32(0x7fffffff));
}
[[gnu::always_inline]] inline Ints larger(Ints a, Ints b) { return _mm512_max_epi32(a, b); }
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
[[gnu::always_inline]] inline void store_shorts(Ints x, void* p) {
  _mm256_storeu_si256(static_cast<__m256i*>(p), _mm512_cvtepi32_epi16(x));
}
#elif defined(__AVX2__)
using Ints = __m256i;
[[gnu::always_inline]] inline Ints load_ints(const std::int32_t* p) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}
[[gnu::always_inline]] inline Ints group(const std::byte* p) {
  std::int32_t bytes;
  __builtin_memcpy(&bytes, p, sizeof bytes);
  return _mm256_set1_epi32(bytes);
}
[[gnu::always_inline]] inline Ints load_weights(const std::int8_t* p) {
  return _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}
[[gnu::always_inline]] inline Ints add_products(Ints sum, Ints a, Ints b) {
  sum = _mm256_add_epi32(sum, _mm256_madd_epi16(a, b));
  asm("" : "+x"(sum));
  return sum;
}
[[gnu::always_inline]] inline Vec to_floats(Ints x) { return _mm256_cvtepi32_ps(x); }
[[gnu::always_inline]] inline Ints to_ints(Vec x) { return _mm256_cvtps_epi32(x); }
[[gnu::always_inline]] inline Ints magnitude_bits(Vec x) {
  return _mm256_and_si256(_mm256_castps_si256(x), _mm256_set1_epi32(0x7fffffff));
}
[[gnu::always_inline]] inline Ints larger(Ints a, Ints b) { return _mm256_max_epi32(a, b); }
[[gnu::always_inline]] inline Ints smaller(Ints a, Ints b) { return _mm256_min_epi32(a, b); }
[[gnu::always_inline]] inline Ints add(Ints a, Ints b) { return _mm256_add_epi32(a, b); }
[[gnu::always_inline]] inline Ints all(std::int32_t x) { return _mm256_set1_epi32(x); }
[[gnu::always_inline]] inline Ints zero_ints() { return _mm256_setzero_si256(); }
[[gnu::always_inline]] inline void store_shorts(Ints x, void* p) {
  const __m128i shorts = _mm_packs_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
  _mm_storeu_si128(static_cast<__m128i*>(p), shorts);
}
[[gnu::always_inline]] inline void store_bytes(Ints x, void* p) {
  const __m128i shorts = _mm_packs_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
  _mm_storel_epi64(static_cast<__m128i*>(p), _mm_packs_epi16(shorts, shorts));
}
#else
using Ints = __m128i;
[[gnu::always_inline]] inline Ints load_ints(const std::int32_t* p) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
}
[[gnu::always_inline]] inline Ints group(const std::byte* p) {
  std::int32_t bytes;
  __builtin_memcpy(&bytes, p, sizeof bytes);
  return _mm_set1_epi32(bytes);
}
[[gnu::always_inline]] inline Ints load_weights(const std::int8_t* p) {
  return _mm_cvtepi8_epi16(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
}
[[gnu::always_inline]] inline Ints add_products(Ints sum, Ints a, Ints b) {
  sum = _mm_add_epi32(sum, _mm_madd_epi16(a, b));
  asm("" : "+x"(sum));
  return sum;
}
[[gnu::always_inline]] inline Vec to_floats(Ints x) { return _mm_cvtepi32_ps(x); }
[[gnu::always_inline]] inline Ints to_ints(Vec x) { return _mm_cvtps_epi32(x); }
[[gnu::always_inline]] inline Ints magnitude_bits(Vec x) {
  return _mm_and_si128(_mm_castps_si128(x), _mm_set1_epi32(0x7fffffff));
}
[[gnu::always_inline]] inline Ints larger(Ints a, Ints b) { return _mm_max_epi32(a, b); }
[[gnu::always_inline]] inline Ints smaller(Ints a, Ints b) { return _mm_min_epi32(a, b); }
[[gnu::always_inline]] inline Ints add(Ints a, Ints b) { return _mm_add_epi32(a, b); }
[[gnu::always_inline]] inline Ints all(std::int32_t x) { return _mm_set1_epi32(x); }
[[gnu::always_inline]] inline Ints zero_ints() { return _mm_setzero_si128(); }
[[gnu::always_inline]] inline void store_shorts(Ints x, void* p) {
  _mm_storel_epi64(static_cast<__m128i*>(p), _mm_packs_epi32(x, x));
}
[[gnu::always_inline]] inline void store_bytes(Ints x, void* p) {
  const __m128i shorts = _mm_packs_epi32(x, x);
  const int bytes = _mm_cvtsi128_si32(_mm_packs_epi16(shorts, shorts));
  __builtin_memcpy(p, &bytes, sizeof bytes);
}
#endif

[[gnu::always_inline]] inline std::int32_t largest_lane(Ints x) {
  alignas(64) std::int32_t lanes[kWidth];
  __builtin_memcpy(lanes, &x, sizeof x);
  std::int32_t result = 0;
  for (const std::int32_t lane : lanes) result = lane > result ? lane : result;
  return result;
}

// One group of k. Rows are reached from every third row's pointer, as in kernels.inl.
template <int Rows>
[[gnu::always_inline]] inline void step(const std::byte* const (&a)[(Rows + 2) / 3],
                                        std::int64_t stride, const std::int8_t* b, int s,
                                        Ints (&sum)[Rows][kVectors]) {
  Ints right[kVectors];
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) {
    right[v] = load_weights(b + (s * kPanelCols + v * kWidth) * kStepDepth);
  }
#pragma GCC unroll 16
  for (int i = 0; i < Rows; ++i) {
    const Ints left = group(a[i / 3] + (i % 3) * stride + s * 4);
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) sum[i][v] = add_products(sum[i][v], left, right[v]);
  }
}

template <int Rows>
[[gnu::always_inline]] inline void scale_and_store(const Int8Tile& t,
                                                   const Ints (&sum)[Rows][kVectors]) {
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) {
    const Vec col_scale = simd::load(t.col_scale + v * kWidth);
    const Vec bias = simd::load(t.bias + v * kWidth);
    const std::int64_t left = t.cols - v * kWidth;
#pragma GCC unroll 16
    for (int i = 0; i < Rows; ++i) {
      const Vec y =
          simd::mul_add(to_floats(sum[i][v]), Vec(t.row_scale[i].scale) * col_scale, bias);
      float* c = t.c + i * t.c_stride + v * kWidth;
      if (left >= kWidth) {
        simd::store(c, y);
      } else if (left > 0) {
        simd::store_partial(c, y, left);
      }
    }
  }
}

[[gnu::always_inline]] inline Ints first_sum(const Int8Tile& t, int i, int v) {
#if defined(__AVX512VNNI__)
  return minus_product(all(t.row_scale[i].zero), load_ints(t.col_sum + v * kWidth));
#else
  (void)t, (void)i, (void)v;
  return zero_ints();
#endif
}

template <int Rows>
void tile(const Int8Tile& t) {
  Ints sum[Rows][kVectors];
#pragma GCC unroll 16
  for (int i = 0; i < Rows; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) sum[i][v] = first_sum(t, i, v);
  }
  const std::int64_t stride = t.a_stride;
  const std::byte* a[(Rows + 2) / 3];
#pragma GCC unroll 6
  for (int i = 0; i < (Rows + 2) / 3; ++i) a[i] = t.a + i * 3 * stride;
  const std::int8_t* b = t.b;
  const std::int8_t* ahead = t.prefetch;
  std::int64_t prefetches = t.prefetch_steps;
  std::int64_t left = t.steps;
  for (; left >= 4; left -= 4) {
    if (prefetches > 0) {
      --prefetches;
      for (std::int64_t i = 0; i < t.prefetch_lines; ++i) {
#pragma GCC unroll 4
        for (int s = 0; s < kInt8Streams; ++s) {
          __builtin_prefetch(ahead + s * t.prefetch_stride, 0, 2);
        }
        ahead += 64;
      }
    }
    step<Rows>(a, stride, b, 0, sum);
    step<Rows>(a, stride, b, 1, sum);
    step<Rows>(a, stride, b, 2, sum);
    step<Rows>(a, stride, b, 3, sum);
#pragma GCC unroll 6
    for (int i = 0; i < (Rows + 2) / 3; ++i) a[i] += 16;
    b += 4 * kPanelCols * kStepDepth;
  }
  for (; left > 0; --left) {
    step<Rows>(a, stride, b, 0, sum);
#pragma GCC unroll 6
    for (int i = 0; i < (Rows + 2) / 3; ++i) a[i] += 4;
    b += kPanelCols * kStepDepth;
  }
  scale_and_store<Rows>(t, sum);
}

constexpr float kSmallest = 1e-30f;
constexpr float kNan = __builtin_nanf("");

struct Range {
  float low, high;  // around 0; NaN if a value is NaN or infinite
};

Range range_of(const float* x, std::int64_t depth) {
  Vec low(0.0f), high(0.0f);
  Ints most = zero_ints();  // magnitudes are ordered as their bits are; NaN lies above infinity
  const auto look = [&](Vec v) {
    low = simd::at_most(low, v);
    high = simd::at_least(high, v);
    most = larger(most, magnitude_bits(v));
  };
  std::int64_t k = 0;
  for (; k + kWidth <= depth; k += kWidth) look(simd::load(x + k));
  if (k < depth) look(simd::load_partial(x + k, depth - k));
  if (largest_lane(most) >= 0x7f800000) return {kNan, kNan};
  return {-simd::horizontal_max(Vec(0.0f) - low), simd::horizontal_max(high)};
}

// Groups of a are written kWidth values at a time: whole vectors, as 64 bytes hold a multiple.
[[gnu::always_inline]] inline void store_activations(Ints q, Ints zero, std::byte* out,
                                                     std::int64_t k) {
  if constexpr (kStepDepth == 4) {
    store_bytes(add(q, zero), out + k);
  } else {
    store_shorts(q, out + 2 * k);
  }
}

Int8Scale quantize(const float* x, std::int64_t depth, std::byte* out) {
  const Range range = range_of(x, depth);
  const float width = range.high - range.low;
  Int8Scale result{width / 255, 0};
  constexpr std::int64_t kLine = 16 * kStepDepth;  // values in 64 bytes
  const std::int64_t padded = (depth + kLine - 1) / kLine * kLine;
  std::int64_t k = 0;
  Ints zero = zero_ints();
  if (width >= kSmallest && width <= 3.4e38f) {
    const float inverse = 255 / width;
    result.zero = _mm_cvtss_si32(_mm_set_ss(-range.low * inverse));
    zero = all(result.zero);
    const Ints most = all(255 - result.zero);
    const Vec factor(inverse);
    for (; k + kWidth <= depth; k += kWidth) {
      store_activations(smaller(to_ints(simd::load(x + k) * factor), most), zero, out, k);
    }
    if (k < depth) {
      const Vec last = simd::load_partial(x + k, depth - k);
      store_activations(smaller(to_ints(last * factor), most), zero, out, k);
      k += kWidth;
    }
  } else {
    result.scale = width < kSmallest ? 0 : kNan;
  }
  for (; k < padded; k += kWidth) store_activations(zero_ints(), zero, out, k);
  return result;
}

float quantize_weights(const float* x, std::int64_t depth, std::int8_t* out) {
  const Range range = range_of(x, depth);
  const float magnitude = range.high > -range.low ? range.high : -range.low;
  const bool usable = magnitude >= kSmallest;  // false for NaN
  const Vec factor(usable ? 127 / magnitude : 0);
  std::int64_t k = 0;
  for (; k + kWidth <= depth; k += kWidth) {
    store_bytes(usable ? to_ints(simd::load(x + k) * factor) : zero_ints(), out + k);
  }
  if (k < depth) {
    const Vec last = simd::load_partial(x + k, depth - k);
    std::int8_t bytes[kWidth];
    store_bytes(usable ? to_ints(last * factor) : zero_ints(), bytes);
    for (std::int64_t i = 0; k + i < depth; ++i) out[k + i] = bytes[i];
  }
  return usable ? magnitude / 127 : magnitude < kSmallest ? 0 : kNan;
}

template <int Rows>
constexpr void set_tiles(Int8Kernels& table) {
  table.tile[Rows - 1] = tile<Rows>;
  if constexpr (Rows > 1) set_tiles<Rows - 1>(table);
}

constexpr Int8Kernels make_table() {
  Int8Kernels table{kName, kPanelCols, kMaxRows, kStepDepth, {}, quantize, quantize_weights};
  set_tiles<kMaxRows>(table);
  return table;
}

}  // namespace
}  // namespace weft::gemm
