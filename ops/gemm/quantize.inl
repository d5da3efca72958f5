// f32 to 8 bits, activations and weights: what kernels_int8.h says of both.
#pragma once

#include "ops/gemm/ints.inl"
#include "ops/gemm/kernels_int8.h"

namespace weft::gemm {
namespace {

constexpr float kSmallest = 1e-30f;
constexpr float kNan = __builtin_nanf("");

struct Range {
  float low, high;  // around 0; NaN if a value is NaN or infinite
};

// Four chains of each, which do not wait for one another; their order changes no minimum.
Range range_of(const float* x, std::int64_t depth) {
  constexpr int kChains = 4;
  Vec low[kChains], high[kChains], zeros[kChains];  // zeros: NaN as soon as a value is not finite
#pragma GCC unroll 4
  for (int i = 0; i < kChains; ++i) low[i] = high[i] = zeros[i] = Vec(0.0f);
  const auto look = [&](Vec v, int i) {
    low[i] = simd::at_most(low[i], v);
    high[i] = simd::at_least(high[i], v);
    zeros[i] = simd::mul_add(v, Vec(0.0f), zeros[i]);
  };
  std::int64_t k = 0;
  for (; k + kChains * kWidth <= depth; k += kChains * kWidth) {
#pragma GCC unroll 4
    for (int i = 0; i < kChains; ++i) look(simd::load(x + k + i * kWidth), i);
  }
  for (; k + kWidth <= depth; k += kWidth) look(simd::load(x + k), 0);
  if (k < depth) look(simd::load_partial(x + k, depth - k), 0);
#pragma GCC unroll 4
  for (int i = 1; i < kChains; ++i) {
    low[0] = simd::at_most(low[0], low[i]);
    high[0] = simd::at_least(high[0], high[i]);
    zeros[0] = zeros[0] + zeros[i];
  }
  if (simd::horizontal_sum(zeros[0]) != 0.0f) return {kNan, kNan};
  return {-simd::horizontal_max(Vec(0.0f) - low[0]), simd::horizontal_max(high[0])};
}

/// How the quantised values of a row lie in memory.
enum class Activations { kUnsignedBytes, kShorts };

/// As Int8Kernels::quantize; each further 64 bytes go `line_stride` bytes on.
template <Activations kForm>
Int8Scale quantize(const float* x, std::int64_t depth, std::byte* out, std::int64_t line_stride) {
  constexpr std::int64_t kBytes = kForm == Activations::kShorts ? 2 : 1;
  constexpr std::int64_t kLine = 64 / kBytes;  // values in 64 bytes: whole vectors
  const Range range = range_of(x, depth);
  const float width = range.high - range.low;
  Int8Scale result{width / 255, 0};
  Ints zero = zero_ints();
  const auto store = [&](Ints q, std::int64_t k) {
    std::byte* to = out + k / kLine * line_stride + k % kLine * kBytes;
    if constexpr (kForm == Activations::kUnsignedBytes) {
      store_unsigned_bytes(add(q, zero), to);
    } else {
      store_shorts(q, to);
    }
  };
  const std::int64_t padded = (depth + kLine - 1) / kLine * kLine;
  std::int64_t k = 0;
  if (width >= kSmallest && width <= 3.4e38f) {
    const float inverse = 255 / width;
    result.zero = _mm_cvtss_si32(_mm_set_ss(-range.low * inverse));
    zero = all(result.zero);
    const Ints most = all(255 - result.zero);
    const Vec factor(inverse);
    if constexpr (kForm == Activations::kUnsignedBytes) {
      const auto next = [&](int i) {
        return add(to_ints(simd::load(x + k + i * kWidth) * factor), zero);
      };
      for (; k + 4 * kWidth <= depth; k += 4 * kWidth) {
        store_unsigned_bytes(next(0), next(1), next(2), next(3),
                             out + k / kLine * line_stride + k % kLine);
      }
    }
    for (; k + kWidth <= depth; k += kWidth) {
      store(smaller(to_ints(simd::load(x + k) * factor), most), k);
    }
    if (k < depth) {
      const Vec last = simd::load_partial(x + k, depth - k);
      store(smaller(to_ints(last * factor), most), k);
      k += kWidth;
    }
  } else {
    result.scale = width < kSmallest ? 0 : kNan;
  }
  for (; k < padded; k += kWidth) store(zero_ints(), k);
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

}  // namespace
}  // namespace weft::gemm
