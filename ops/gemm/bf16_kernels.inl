// Products with bfloat16 weights on vectors, compiled once per level: kernels_<isa>.cpp defines
// kBf16Name, kVectors (vectors in a panel's width) and kMaxRows (rows of the largest tile) and
// includes this. Levels with BF16 round a to bfloat16 and take dot products of pairs; the others
// widen the weights and multiply as in f32, even k of a pair first.
//
// Every loop over the accumulators carries an unroll pragma, as in kernels.inl.
#pragma once

#include "ops/gemm/bf16_kernels.h"
#include "ops/gemm/bf16_round.inl"
#include "ops/gemm/finish.inl"
#include "ops/gemm/panel_loop.inl"

namespace weft::gemm {
namespace {

namespace bf16 {

using simd::kWidth;
using simd::Vec;

constexpr std::int64_t kCols = kVectors * kWidth;

constexpr std::int64_t padded(std::int64_t depth) {
  return (depth + kBf16DepthGrain - 1) / kBf16DepthGrain * kBf16DepthGrain;
}

/// A few rows of c times one panel.
struct Rows {
  const float* a;          // dot products: pairs of bfloat16, else f32
  std::int64_t a_stride;   // in floats or pairs
  const std::uint16_t* b;  // (depth / 2, kCols, 2)
  const float* start;      // kCols first values
  float* c;                // (rows, cols)
  std::int64_t c_stride;
  std::int64_t depth;
  std::int64_t cols;
  const std::uint16_t* prefetch;  // kStreams streams of cache lines that come next
  std::int64_t prefetch_stride;
  std::int64_t prefetch_lines;  // of each stream with every four steps of k
  std::int64_t prefetch_steps;
};

#if defined(__AVX512BF16__)

constexpr std::int64_t kDepthPerElement = 2;

/// Two k: the pairs `k` of a and of b.
template <int kRows>
[[gnu::always_inline]] inline void step(const RowPointers<kRows>& a, std::int64_t stride,
                                        const std::uint16_t* b, int k,
                                        Vec (&sum)[kRows][kVectors]) {
  b += k * 2 * kCols;
  prefetch_panel(b + kStepsAhead * kCols * 2, kCols * 4);
  __m512bh right[kVectors];
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) {
    const __m512i bits = _mm512_loadu_si512(b + v * 2 * kWidth);
    right[v] = reinterpret_cast<const __m512bh&>(bits);
  }
#pragma GCC unroll 16
  for (int i = 0; i < kRows; ++i) {
    const __m512 pair = _mm512_set1_ps(*row_of(a, stride, i, k));
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      sum[i][v] = _mm512_dpbf16_ps(sum[i][v], reinterpret_cast<const __m512bh&>(pair), right[v]);
    }
  }
}

#else

constexpr std::int64_t kDepthPerElement = 1;

/// Of kWidth pairs, those of even k or those of odd k as floats.
[[gnu::always_inline]] inline Vec even_of(const std::uint16_t* b) {
  const Vec pairs = simd::load(reinterpret_cast<const float*>(b));
  return simd::lanes_of_bits(simd::bits_of_lanes(pairs) << 16);
}
[[gnu::always_inline]] inline Vec odd_of(const std::uint16_t* b) {
  const Vec pairs = simd::load(reinterpret_cast<const float*>(b));
  return pairs & simd::lanes_of_bits(simd::IntVec(static_cast<std::int32_t>(0xffff0000u)));
}

enum class Odd : std::uint8_t { kUsed, kLeft };

/// Two k: those of the pairs `k` of b.
template <int kRows, Odd kOdd = Odd::kUsed>
[[gnu::always_inline]] inline void step(const RowPointers<kRows>& a, std::int64_t stride,
                                        const std::uint16_t* b, int k,
                                        Vec (&sum)[kRows][kVectors]) {
  b += k * 2 * kCols;
  prefetch_panel(b + kStepsAhead * kCols * 2, kCols * 4);
  Vec right[kVectors];
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) right[v] = even_of(b + v * 2 * kWidth);
  multiply_add_rows(a, stride, 2 * k, right, sum);
  if constexpr (kOdd == Odd::kUsed) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) right[v] = odd_of(b + v * 2 * kWidth);
    multiply_add_rows(a, stride, 2 * k + 1, right, sum);
  }
}

#endif

template <int kRows>
void multiply_rows(const Rows& t) {
  Vec sum[kRows][kVectors];
#pragma GCC unroll 16
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) sum[i][v] = simd::load(t.start + v * kWidth);
  }
  constexpr std::int64_t kNextA = 2 / kDepthPerElement;  // from two k to the next two
  std::int64_t stride = t.a_stride;
  RowPointers<kRows> a = row_pointers<kRows>(t.a, stride);
  const std::uint16_t* b = t.b;
  const std::uint16_t* ahead = t.prefetch;
  std::int64_t prefetches = t.prefetch_steps;
  std::int64_t left = t.depth;
  for (; left >= 4; left -= 4) {
    if (prefetches > 0) {
      --prefetches;
      for (std::int64_t i = 0; i < t.prefetch_lines; ++i, ahead += 32) {
        prefetch_streams(ahead, t.prefetch_stride * sizeof *ahead);
      }
    }
    keep_index(stride);
    step<kRows>(a, stride, b, 0, sum);
    step<kRows>(a, stride, b, 1, sum);
    advance<kRows>(a, 2 * kNextA);
    b += 4 * kCols;
  }
  for (; left >= 2; left -= 2) {
    step<kRows>(a, stride, b, 0, sum);
    advance<kRows>(a, kNextA);
    b += 2 * kCols;
  }
#if !defined(__AVX512BF16__)
  if (left == 1) step<kRows, Odd::kLeft>(a, stride, b, 0, sum);
#endif
#pragma GCC unroll 16
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      float* c = t.c + i * t.c_stride + v * kWidth;
      const std::int64_t n = t.cols - v * kWidth;
      if (n >= kWidth) {
        simd::store(c, sum[i][v]);
      } else if (n > 0) {
        simd::store_partial(c, sum[i][v], n);
      }
    }
  }
}

using MultiplyRows = void (*)(const Rows&);
template <int kRows>
struct Table {
  static constexpr MultiplyRows at(int rows) {
    return rows == kRows ? multiply_rows<kRows> : Table<kRows - 1>::at(rows);
  }
};
template <>
struct Table<0> {
  static constexpr MultiplyRows at(int) { return nullptr; }
};
struct Functions {
  MultiplyRows of[kMaxRows + 1];
};
constexpr Functions make_functions() {
  Functions functions{};
  for (int i = 1; i <= kMaxRows; ++i) functions.of[i] = Table<kMaxRows>::at(i);
  return functions;
}
constexpr Functions kFunctions = make_functions();

std::size_t scratch_bytes([[maybe_unused]] std::int64_t rows, [[maybe_unused]] std::int64_t depth) {
#if defined(__AVX512BF16__)
  return static_cast<std::size_t>(rows * padded(depth)) * sizeof(std::uint16_t);
#else
  return 0;
#endif
}

void multiply(const Bf16Call& call) {
  if (call.rows == 0) return;
  const float* a = call.a;
  std::int64_t a_stride = call.a_stride;
  std::int64_t depth = call.depth;
#if defined(__AVX512BF16__)
  depth = padded(call.depth);
  auto* rounded = reinterpret_cast<std::uint16_t*>(call.scratch);
  for (std::int64_t i = 0; i < call.rows; ++i) {
    for (std::int64_t k = 0; k < depth; k += 32) {
      const std::int64_t n = call.depth - k;
      round_32(call.a + i * call.a_stride + k, n < 32 ? n : 32, rounded + i * depth + k);
    }
  }
  a = reinterpret_cast<const float*>(call.scratch);
  a_stride = depth / 2;
#endif
  const std::int64_t tiles = (call.rows + kMaxRows - 1) / kMaxRows;
  const std::int64_t panel_size = padded(call.depth) * kCols;
  // The cache lines of the next panel, in kStreams streams spread over the tiles and their steps.
  const std::int64_t steps = depth / 4;
  const std::int64_t stream_lines = panel_size / (32 * kStreams);
  const std::int64_t tile_lines = (stream_lines + tiles - 1) / tiles;
  const std::int64_t step_lines = steps == 0 ? 0 : (tile_lines + steps - 1) / steps;
  const std::int64_t prefetch_steps = steps == 0 ? 0 : (tile_lines + step_lines - 1) / step_lines;
  for (std::int64_t col = call.first_col; col < call.last_col; col += kCols) {
    const std::uint16_t* panel = call.b + col / kCols * panel_size;
    const bool is_last = col + kCols >= call.last_col;
    const std::uint16_t* next = panel + panel_size;
    const std::int64_t cols = is_last ? call.last_col - col : kCols;
    std::int64_t first = 0;
    for (std::int64_t i = 0; i < tiles; ++i) {
      const std::int64_t rows = call.rows / tiles + (i < call.rows % tiles ? 1 : 0);
      float* c = call.c + first * call.c_stride + col;
      kFunctions.of[rows]({.a = a + first * a_stride,
                           .a_stride = a_stride,
                           .b = panel,
                           .start = call.bias + col,
                           .c = c,
                           .c_stride = call.c_stride,
                           .depth = depth,
                           .cols = cols,
                           .prefetch = next,
                           .prefetch_stride = stream_lines * 32,
                           .prefetch_lines = is_last ? 0 : step_lines,
                           .prefetch_steps = is_last ? 0 : prefetch_steps});
      next += step_lines * prefetch_steps * 32;
      if (call.activation != Activation::kNone || call.residual != nullptr) {
        const float* residual =
            call.residual == nullptr ? nullptr : call.residual + first * call.residual_stride + col;
        finish({.c = c,
                .c_stride = call.c_stride,
                .residual = residual,
                .residual_stride = call.residual_stride,
                .rows = rows,
                .cols = cols,
                .activation = call.activation});
      }
      first += rows;
    }
  }
}

}  // namespace bf16

#if defined(__AVX512BF16__)
double peak_bf16(std::int64_t rounds, float* sink) {
  constexpr int kChains = 12;
  __m512 sum[kChains];
#pragma GCC unroll 12
  for (int i = 0; i < kChains; ++i) {
    sum[i] = _mm512_setzero_ps();
    asm volatile("" : "+v"(sum[i]));  // or equal chains would become one
  }
  __m512i pairs = _mm512_setzero_si512();
  for (std::int64_t round = 0; round < rounds; ++round) {
    asm volatile("" : "+v"(pairs));  // or g++ 12 may keep the products of one round
    const __m512bh factors = reinterpret_cast<__m512bh>(pairs);
#pragma GCC unroll 12
    for (int i = 0; i < kChains; ++i) sum[i] = _mm512_dpbf16_ps(sum[i], factors, factors);
  }
  simd::Vec total(0.0f);
#pragma GCC unroll 12
  for (int i = 0; i < kChains; ++i) total = total + simd::Vec(sum[i]);
  *sink = simd::horizontal_sum(total);
  return 2.0 * static_cast<double>(rounds) * kChains * 32;
}
#else
constexpr double (*peak_bf16)(std::int64_t, float*) = nullptr;  // f32 multiply-adds
#endif

constexpr Bf16Kernels kBf16Table{kBf16Name, bf16::kCols, bf16::scratch_bytes, bf16::multiply,
                                 peak_bf16};

}  // namespace
}  // namespace weft::gemm
