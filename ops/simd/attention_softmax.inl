// The softmax of attention: scores lie key by key with queries in the lanes, so that it runs down
// columns without horizontal sums.

#include "ops/simd/vec.h"

namespace weft::simd {
namespace {

// 2^x for x <= 0, relative error below 2e-7; exactly 1 for 0, exactly 0 from -127 down; NaN stays.
// The magic number leaves round(x) + 127 in the low bits, which become the exponent.
inline Vec exp2_not_positive(Vec x) {
  const Vec magic = Vec(12582912.0f + 127.0f);
  x = at_least(x, Vec(-127.0f));
  const Vec shifted = x + magic;
  const Vec f = x - (shifted - magic);  // [-0.5, 0.5], exact
  Vec power = Vec(1.326472731e-3f);
  power = mul_add(power, f, Vec(9.671512991e-3f));
  power = mul_add(power, f, Vec(5.550733581e-2f));
  power = mul_add(power, f, Vec(2.4022242427e-1f));
  power = mul_add(power, f, Vec(6.9314700365e-1f));
  power = mul_add(power, f, Vec(1.0f));
  return power * lanes_of_bits(bits_of_lanes(shifted) << 23);
}

// The largest score of every query, at least the lowest finite number. Four interleaved chains hide
// the latency; the maximum does not depend on the order.
template <int kVectors, int kRowVectors>
void column_maxima(int64_t keys, const float* scores, Vec (&largest)[kVectors]) {
  constexpr float kLowest = -3.402823466e+38f;
  constexpr int kChains = 4;
  Vec chains[kChains][kVectors];
#pragma GCC unroll 4
  for (int i = 0; i < kChains; ++i) {
#pragma GCC unroll 2
    for (int n = 0; n < kVectors; ++n) chains[i][n] = Vec(kLowest);
  }
  int64_t key = 0;
  for (; key + kChains <= keys; key += kChains) {
#pragma GCC unroll 4
    for (int i = 0; i < kChains; ++i) {
#pragma GCC unroll 2
      for (int n = 0; n < kVectors; ++n) {
        chains[i][n] =
            at_least(load(scores + ((key + i) * kRowVectors + n) * kWidth), chains[i][n]);
      }
    }
  }
#pragma GCC unroll 2
  for (int n = 0; n < kVectors; ++n) {
    largest[n] =
        at_least(at_least(chains[0][n], chains[1][n]), at_least(chains[2][n], chains[3][n]));
    for (int64_t rest = key; rest < keys; ++rest) {
      largest[n] = at_least(load(scores + (rest * kRowVectors + n) * kWidth), largest[n]);
    }
  }
}

// The softmax of kVectors columns of a block's scores, some keys after others; a key's row has
// kRowVectors of them. Without a finite or infinite score all weights are 0, and so is the context.
template <int kVectors, int kRowVectors = kVectors>
class ColumnSoftmax {
 public:
  ColumnSoftmax(int64_t keys, const float* scores) {
#pragma GCC unroll 2
    for (int n = 0; n < kVectors; ++n) sum_[n] = Vec(0.0f);
    column_maxima<kVectors, kRowVectors>(keys, scores, largest_);
  }

  /// scores[key] = 2^(score - maximum) for the keys [first, last), which follow those before.
  void exponentiate(float* scores, int64_t first, int64_t last) {
    Vec largest[kVectors], sum[kVectors];
#pragma GCC unroll 2
    for (int n = 0; n < kVectors; ++n) {
      largest[n] = largest_[n];
      sum[n] = sum_[n];
    }
    for (int64_t key = first; key < last; ++key) {
#pragma GCC unroll 2
      for (int n = 0; n < kVectors; ++n) {
        float* row = scores + (key * kRowVectors + n) * kWidth;
        const Vec weight = exp2_not_positive(load(row) - largest[n]);
        store(row, weight);
        sum[n] = sum[n] + weight;
      }
    }
#pragma GCC unroll 2
    for (int n = 0; n < kVectors; ++n) sum_[n] = sum[n];
  }

  /// inverse = 1 / sum, after all keys.
  void store_inverse(float* inverse) const {
    constexpr float kSmallest = 1.175494351e-38f;
#pragma GCC unroll 2
    for (int n = 0; n < kVectors; ++n) {
      store(inverse + n * kWidth, Vec(1.0f) / at_least(sum_[n], Vec(kSmallest)));
    }
  }

 private:
  Vec largest_[kVectors], sum_[kVectors];
};

}  // namespace
}  // namespace weft::simd
