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
