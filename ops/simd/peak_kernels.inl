// What the roofs of a roofline are measured with.
#include "ops/simd/vec.h"

namespace weft::simd {
namespace {

/// Independent multiply-adds on registers alone; enough chains to cover the latency of two ports.
double multiply_add_loop(std::int64_t rounds, float* sink) {
  constexpr int kChains = kWidth == 4 ? 10 : 12;
  Vec sum[kChains];
#pragma GCC unroll 12
  for (int i = 0; i < kChains; ++i) sum[i] = Vec(static_cast<float>(i));
  const Vec factor(0.999f), term(0.001f);
  for (std::int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 12
    for (int i = 0; i < kChains; ++i) sum[i] = mul_add(sum[i], factor, term);
  }
  Vec total = sum[0];
#pragma GCC unroll 12
  for (int i = 1; i < kChains; ++i) total = total + sum[i];
  *sink = horizontal_sum(total);
  return 2.0 * static_cast<double>(rounds) * kChains * static_cast<double>(kWidth);
}

/// Reads n floats, n a multiple of 8 * kWidth.
void read_loop(const float* x, std::int64_t n, float* sink) {
  Vec sum[8];
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i) sum[i] = Vec(0.0f);
  for (std::int64_t at = 0; at < n; at += 8 * kWidth) {
#pragma GCC unroll 8
    for (int i = 0; i < 8; ++i) sum[i] = sum[i] + load(x + at + i * kWidth);
  }
  Vec total = sum[0];
#pragma GCC unroll 8
  for (int i = 1; i < 8; ++i) total = total + sum[i];
  *sink = horizontal_sum(total);
}

}  // namespace
}  // namespace weft::simd
