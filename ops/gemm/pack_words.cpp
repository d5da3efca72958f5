#include "ops/gemm/pack_words.h"

#include <xmmintrin.h>

namespace weft::gemm {
namespace {

// Moved as floats, which changes no bit.
void transpose_4x4(const std::uint32_t* in, std::int64_t in_stride, std::uint32_t* out,
                   std::int64_t out_stride) {
  const auto* from = reinterpret_cast<const float*>(in);
  auto* to = reinterpret_cast<float*>(out);
  __m128 a = _mm_loadu_ps(from);
  __m128 b = _mm_loadu_ps(from + in_stride);
  __m128 c = _mm_loadu_ps(from + 2 * in_stride);
  __m128 d = _mm_loadu_ps(from + 3 * in_stride);
  _MM_TRANSPOSE4_PS(a, b, c, d);
  _mm_storeu_ps(to, a);
  _mm_storeu_ps(to + out_stride, b);
  _mm_storeu_ps(to + 2 * out_stride, c);
  _mm_storeu_ps(to + 3 * out_stride, d);
}

}  // namespace

void pack_words(const std::uint32_t* rows, std::int64_t row_stride, std::int64_t cols,
                std::int64_t depth, std::int64_t panel_cols, std::uint32_t* panel) {
  const std::int64_t whole_cols = cols / 4 * 4;
  for (std::int64_t k = 0; k < depth; k += 4) {
    std::uint32_t* out = panel + k * panel_cols;
    const std::int64_t left = depth - k < 4 ? depth - k : 4;
    std::int64_t j = 0;
    for (; left == 4 && j < whole_cols; j += 4) {
      transpose_4x4(rows + j * row_stride + k, row_stride, out + j, panel_cols);
    }
    for (; j < panel_cols; ++j) {
      for (std::int64_t i = 0; i < left; ++i) {
        out[i * panel_cols + j] = j < cols ? rows[j * row_stride + k + i] : 0;
      }
    }
  }
}

}  // namespace weft::gemm
