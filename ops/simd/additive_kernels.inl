// weights . tanh(q + k): columns in the lanes, two vectors at a time, so that two tanh share one
// division, which is what limits them (a division of 16 floats takes as long as 32 multiply-adds).

#include "ops/simd/kernels.h"
#include "ops/simd/math.inl"

namespace weft::simd {
namespace {

// sum + w0 tanh(x0) + w1 tanh(x1). Denominators are at most 4.9e8: their product does not overflow.
[[gnu::always_inline]] inline Vec add_tanh_pair(Vec x0, Vec w0, Vec x1, Vec w1, Vec sum) {
  const TanhFraction a = tanh_fraction(x0);
  const TanhFraction b = tanh_fraction(x1);
  const Vec inverse = Vec(1.0f) / (a.denominator * b.denominator);
  const Vec tanh0 = a.numerator * (b.denominator * inverse);
  const Vec tanh1 = b.numerator * (a.denominator * inverse);
  return mul_add(w1, tanh1, mul_add(w0, tanh0, sum));
}

inline float additive_score(const float* q, const float* k, const float* weights, int64_t size) {
  Vec sum(0.0f);
  int64_t i = 0;
  for (; i + 2 * kWidth <= size; i += 2 * kWidth) {
    sum =
        add_tanh_pair(load(q + i) + load(k + i), load(weights + i),
                      load(q + i + kWidth) + load(k + i + kWidth), load(weights + i + kWidth), sum);
  }
  if (i < size) {
    // Lanes beyond the row are tanh(0) with weight 0.
    const int64_t first = smaller(size - i, kWidth), second = size - i - first;
    const Vec x0 = load_partial(q + i, first) + load_partial(k + i, first);
    const Vec w0 = load_partial(weights + i, first);
    Vec x1(0.0f), w1(0.0f);
    if (second > 0) {
      x1 = load_partial(q + i + kWidth, second) + load_partial(k + i + kWidth, second);
      w1 = load_partial(weights + i + kWidth, second);
    }
    sum = add_tanh_pair(x0, w0, x1, w1, sum);
  }
  return horizontal_sum(sum);
}

void additive_scores(const AdditiveCall& call) {
  for (int64_t key = 0; key < call.keys; ++key) {
    call.scores[key] =
        additive_score(call.q, call.k + key * call.k_stride, call.weights, call.size);
  }
}

}  // namespace
}  // namespace weft::simd
