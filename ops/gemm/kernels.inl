// The microkernels, compiled once per level: kernels_<isa>.cpp defines kName, kVectors (vectors in
// a panel's width), kMaxRows (rows of the largest tile) and kMostDepth (steps of k computed at a
// stretch, after which the partial sums wait in c; no bit depends on it) and includes this.
//
// Every loop over the accumulators carries an unroll pragma: without it g++ 12 keeps them in memory
// (30 % of peak instead of 80 %).
#include "ops/gemm/finish.inl"
#include "ops/gemm/panel_loop.inl"
#include "ops/simd/vec.h"

namespace weft::gemm {
namespace {

using simd::kWidth;
using simd::Vec;

constexpr std::int64_t kPanelCols = kVectors * kWidth;

[[gnu::always_inline]] inline std::int64_t lanes_left(std::int64_t n) {
  return n >= kWidth ? kWidth : n <= 0 ? 0 : n;
}

template <int Rows>
[[gnu::always_inline]] inline void start_tile(const Tile& t, Vec (&sum)[Rows][kVectors]) {
  if (t.start != nullptr) {
#pragma GCC unroll 16
    for (int i = 0; i < Rows; ++i) {
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) sum[i][v] = simd::load(t.start + v * kWidth);
    }
  } else if (t.cols == kPanelCols) {
#pragma GCC unroll 16
    for (int i = 0; i < Rows; ++i) {
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        sum[i][v] = simd::load(t.c + i * t.c_stride + v * kWidth);
      }
    }
  } else {
#pragma GCC unroll 16
    for (int i = 0; i < Rows; ++i) {
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        sum[i][v] =
            simd::load_partial(t.c + i * t.c_stride + v * kWidth, lanes_left(t.cols - v * kWidth));
      }
    }
  }
}

template <int Rows>
[[gnu::always_inline]] inline void store_tile(const Tile& t, const Vec (&sum)[Rows][kVectors]) {
  if (t.cols == kPanelCols) {
#pragma GCC unroll 16
    for (int i = 0; i < Rows; ++i) {
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        simd::store(t.c + i * t.c_stride + v * kWidth, sum[i][v]);
      }
    }
  } else {
#pragma GCC unroll 16
    for (int i = 0; i < Rows; ++i) {
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        simd::store_partial(t.c + i * t.c_stride + v * kWidth, sum[i][v],
                            lanes_left(t.cols - v * kWidth));
      }
    }
  }
}

template <int Rows>
[[gnu::always_inline]] inline void step(const RowPointers<Rows>& a, std::int64_t stride,
                                        const float* b, int k, Vec (&sum)[Rows][kVectors]) {
  prefetch_panel(b + (k + kStepsAhead) * kPanelCols, kPanelCols * sizeof(float));
  Vec right[kVectors];
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) right[v] = simd::load(b + k * kPanelCols + v * kWidth);
  multiply_add_rows(a, stride, k, right, sum);
}

template <int Rows>
void tile(const Tile& t) {
  Vec sum[Rows][kVectors];
  start_tile<Rows>(t, sum);
  std::int64_t stride = t.a_stride;
  RowPointers<Rows> a = row_pointers<Rows>(t.a, stride);
  const float* b = t.b;
  const float* ahead = t.prefetch;
  std::int64_t prefetches = t.prefetch_steps;
  std::int64_t left = t.depth;
  for (; left >= 4; left -= 4) {
    if (prefetches > 0) {
      --prefetches;
      for (std::int64_t i = 0; i < t.prefetch_lines; ++i) {
        prefetch_streams(ahead, t.prefetch_stride * sizeof *ahead);
        ahead += 16;
      }
    }
    keep_index(stride);
    step<Rows>(a, stride, b, 0, sum);
    step<Rows>(a, stride, b, 1, sum);
    step<Rows>(a, stride, b, 2, sum);
    step<Rows>(a, stride, b, 3, sum);
    advance<Rows>(a, 4);
    b += 4 * kPanelCols;
  }
  for (; left > 0; --left) {
    step<Rows>(a, stride, b, 0, sum);
    advance<Rows>(a, 1);
    b += kPanelCols;
  }
  store_tile<Rows>(t, sum);
}

// Four by four: on AVX2 0.5 ns an element where single elements took 1.6.
void pack(const float* rows, std::int64_t row_stride, std::int64_t cols, std::int64_t depth,
          float* panel) {
  std::int64_t k = 0;
  for (; k + 4 <= depth; k += 4) {
    float* out = panel + k * kPanelCols;
    std::int64_t j = 0;
    for (; j + 4 <= cols; j += 4) {
      const float* in = rows + j * row_stride + k;
      __m128 a = _mm_loadu_ps(in);
      __m128 b = _mm_loadu_ps(in + row_stride);
      __m128 c = _mm_loadu_ps(in + 2 * row_stride);
      __m128 d = _mm_loadu_ps(in + 3 * row_stride);
      _MM_TRANSPOSE4_PS(a, b, c, d);
      _mm_storeu_ps(out + j, a);
      _mm_storeu_ps(out + kPanelCols + j, b);
      _mm_storeu_ps(out + 2 * kPanelCols + j, c);
      _mm_storeu_ps(out + 3 * kPanelCols + j, d);
    }
    for (; j < kPanelCols; ++j) {
      for (std::int64_t i = 0; i < 4; ++i) {
        out[i * kPanelCols + j] = j < cols ? rows[j * row_stride + k + i] : 0;
      }
    }
  }
  for (; k < depth; ++k) {
    for (std::int64_t j = 0; j < kPanelCols; ++j) {
      panel[k * kPanelCols + j] = j < cols ? rows[j * row_stride + k] : 0;
    }
  }
}

template <int Rows>
constexpr void set_tiles(Kernels& table) {
  table.tile[Rows - 1] = tile<Rows>;
  if constexpr (Rows > 1) set_tiles<Rows - 1>(table);
}

constexpr Kernels make_table() {
  Kernels table{kName, kPanelCols, kMaxRows, kMostDepth, {}, finish, pack};
  set_tiles<kMaxRows>(table);
  return table;
}

}  // namespace
}  // namespace weft::gemm
