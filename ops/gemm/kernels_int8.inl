// The int8 microkernels, compiled once per level: kernels_int8_<isa>.cpp defines kName, kVectors
// (vectors in a panel's width) and kMaxRows (rows of the largest tile) and includes this.
//
// With VNNI a group is four unsigned bytes of a against four signed bytes of b, one vpdpbusd; what
// the zero's byte adds, zero times the sum of a column, is subtracted before. Without, it is two
// 16-bit values of a, the zero's byte subtracted, against two bytes of b, widened as they are
// loaded: vpmaddwd and an addition. (vpmaddubsw would saturate: 2 * 127 * 255 exceeds 16 bits.)
// The empty asm keeps g++ 12 from adding the products of four steps among themselves first, for
// which it has not the registers (57 spills in the AVX2 tile).
#include "ops/gemm/panel_loop.inl"
#include "ops/gemm/quantize.inl"

namespace weft::gemm {
namespace {

constexpr std::int64_t kPanelCols = kVectors * kWidth;

#if defined(__AVX512VNNI__)
constexpr std::int64_t kStepDepth = 4;
#else
constexpr std::int64_t kStepDepth = 2;
#endif

#if defined(__AVX512F__)
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
#elif defined(__AVX2__)
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
#else
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
#endif

// One group of k.
template <int Rows>
[[gnu::always_inline]] inline void step(const RowPointers<Rows, std::byte>& a, std::int64_t stride,
                                        const std::int8_t* b, int s, Ints (&sum)[Rows][kVectors]) {
  constexpr std::int64_t kStepBytes = kPanelCols * kStepDepth;
  if (s * kStepBytes % 64 == 0) prefetch_panel(b + (s + kStepsAhead) * kStepBytes, kStepBytes);
  Ints right[kVectors];
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) {
    right[v] = load_weights(b + (s * kPanelCols + v * kWidth) * kStepDepth);
  }
#pragma GCC unroll 16
  for (int i = 0; i < Rows; ++i) {
    const Ints left = group(row_of(a, stride, i, s * 4));
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
  std::int64_t stride = t.a_stride;
  RowPointers<Rows, std::byte> a = row_pointers<Rows>(t.a, stride);
  const std::int8_t* b = t.b;
  const std::int8_t* ahead = t.prefetch;
  std::int64_t prefetches = t.prefetch_steps;
  std::int64_t left = t.steps;
  for (; left >= 4; left -= 4) {
    if (prefetches > 0) {
      --prefetches;
      for (std::int64_t i = 0; i < t.prefetch_lines; ++i) {
        prefetch_streams(ahead, t.prefetch_stride);
        ahead += 64;
      }
    }
    keep_index(stride);
    step<Rows>(a, stride, b, 0, sum);
    step<Rows>(a, stride, b, 1, sum);
    step<Rows>(a, stride, b, 2, sum);
    step<Rows>(a, stride, b, 3, sum);
    advance<Rows>(a, 16);
    b += 4 * kPanelCols * kStepDepth;
  }
  for (; left > 0; --left) {
    step<Rows>(a, stride, b, 0, sum);
    advance<Rows>(a, 4);
    b += kPanelCols * kStepDepth;
  }
  scale_and_store<Rows>(t, sum);
}

Int8Scale quantize_row(const float* x, std::int64_t depth, std::byte* out) {
  constexpr auto kForm = kStepDepth == 4 ? Activations::kUnsignedBytes : Activations::kShorts;
  return quantize<kForm>(x, depth, out, 64);
}

double peak_int8(std::int64_t rounds, float* sink) {
  constexpr int kChains = kWidth == 4 ? 10 : 12;
  Ints sum[kChains];
#pragma GCC unroll 12
  for (int i = 0; i < kChains; ++i) {
    sum[i] = zero_ints();
    asm volatile("" : "+x"(sum[i]));  // or equal chains would become one
  }
  Ints left = zero_ints();
  for (std::int64_t round = 0; round < rounds; ++round) {
    asm volatile("" : "+x"(left));  // or the products would be taken out of the loop
#pragma GCC unroll 12
    for (int i = 0; i < kChains; ++i) sum[i] = add_products(sum[i], left, left);
  }
  Ints total = zero_ints();
#pragma GCC unroll 12
  for (int i = 0; i < kChains; ++i) total = add(total, sum[i]);
  *sink = static_cast<float>(largest_lane(total));
  return 2.0 * static_cast<double>(rounds) * kChains * kWidth * kStepDepth;
}

template <int Rows>
constexpr void set_tiles(Int8Kernels& table) {
  table.tile[Rows - 1] = tile<Rows>;
  if constexpr (Rows > 1) set_tiles<Rows - 1>(table);
}

constexpr Int8Kernels make_table() {
  Int8Kernels table{kName, kPanelCols,   kMaxRows,         kStepDepth,
                    {},    quantize_row, quantize_weights, peak_int8};
  set_tiles<kMaxRows>(table);
  return table;
}

}  // namespace
}  // namespace weft::gemm
