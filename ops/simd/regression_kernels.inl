// Kernel regression: softmax(factor |q - k|^2) v with the softmax taken on the way, so that nothing
// is as long as the keys. Queries lie in the lanes; keys come in tiles counted from the sequence's
// first, whose sums are added to the totals tile by tile, with what rounding loses (Knuth's sum of
// two) kept apart: over a million keys of equal weight the mean is off by 1e-7, without by 6e-6.

#include "ops/simd/attention_block.inl"
#include "ops/simd/kernels.h"
#include "ops/simd/math.inl"

namespace weft::simd {
namespace {

constexpr int64_t kRegressionTile = 128;  // keys; its exponentials fill a quarter of the L1 cache
constexpr int64_t kRegressionColumns = 4;

struct RegressionScratch {
  float* queries;  // (size, kWidth): transposed
  float* scores;   // (kRegressionTile, kWidth): then exp(score - most)
  float* totals;   // (v_size, kWidth)
  float* lost;     // (v_size, kWidth): what rounding has taken from the totals
};

// A running total and what rounding has taken from it.
struct Total {
  Vec value, lost;
  // value = value * shrink + x
  [[gnu::always_inline]] void add(Vec x, Vec shrink) {
    const Vec before = value * shrink;
    value = before + x;
    const Vec added = value - before;
    lost = mul_add(lost, shrink, (before - (value - added)) + (x - added));
  }
  // Infinite totals have lost NaN, which is nothing.
  Vec sum() const { return value + xsimd::select(lost == lost, lost, Vec(0.0f)); }
};

inline RegressionScratch divide_regression(ScratchDivider& divider, int64_t size, int64_t v_size) {
  return {divider.take<float>(size * kWidth), divider.take<float>(kRegressionTile * kWidth),
          divider.take<float>(v_size * kWidth), divider.take<float>(v_size * kWidth)};
}

std::size_t regression_scratch_bytes(int64_t size, int64_t v_size) {
  ScratchDivider divider(nullptr);
  divide_regression(divider, size, v_size);
  return static_cast<std::size_t>(divider.used());
}

// Scores of keys [first, last); returns the largest of each lane and `most`.
Vec regression_scores(const RegressionCall& call, const RegressionScratch& scratch, int64_t first,
                      int64_t last, Vec most) {
  const Vec factor(call.factor);
  for (int64_t key = first; key < last; ++key) {
    const float* k = call.k + key * call.k_stride;
    Vec squares(0.0f);
    for (int64_t c = 0; c < call.size; ++c) {
      const Vec difference = load(scratch.queries + c * kWidth) - Vec(k[c]);
      squares = mul_add(difference, difference, squares);
    }
    const Vec score = squares * factor;
    store(scratch.scores + (key - first) * kWidth, score);
    most = at_least(score, most);
  }
  return most;
}

// scores = exp(score - most); returns their sum.
Vec regression_exponentials(const RegressionScratch& scratch, int64_t keys, Vec most) {
  Vec sum(0.0f);
  for (int64_t key = 0; key < keys; ++key) {
    float* score = scratch.scores + key * kWidth;
    const Vec weight = exp_nonpositive(load(score) - most);
    store(score, weight);
    sum = sum + weight;
  }
  return sum;
}

// totals[column] = totals[column] * shrink + sum of weights v over the tile, for kColumns columns.
template <int kColumns>
void add_tile(const RegressionCall& call, const RegressionScratch& scratch, int64_t first,
              int64_t keys, int64_t column, Vec shrink) {
  Vec sums[kColumns];
#pragma GCC unroll 4
  for (int n = 0; n < kColumns; ++n) sums[n] = Vec(0.0f);
  const float* v = call.v + first * call.v_stride + column;
  for (int64_t key = 0; key < keys; ++key) {
    const Vec weight = load(scratch.scores + key * kWidth);
#pragma GCC unroll 4
    for (int n = 0; n < kColumns; ++n) {
      sums[n] = mul_add(weight, Vec(v[key * call.v_stride + n]), sums[n]);
    }
  }
#pragma GCC unroll 4
  for (int n = 0; n < kColumns; ++n) {
    const int64_t place = (column + n) * kWidth;
    Total total{load(scratch.totals + place), load(scratch.lost + place)};
    total.add(sums[n], shrink);
    store(scratch.totals + place, total.value);
    store(scratch.lost + place, total.lost);
  }
}

void store_regression_weights(const RegressionCall& call, const RegressionScratch& scratch,
                              int64_t first_query, int64_t lanes, Vec most, Vec inverse) {
  for (int64_t first = 0; first < call.keys; first += kRegressionTile) {
    const int64_t last = smaller(first + kRegressionTile, call.keys);
    regression_scores(call, scratch, first, last, most);
    for (int64_t key = first; key < last; ++key) {
      float weights[kWidth];
      store(weights,
            exp_nonpositive(load(scratch.scores + (key - first) * kWidth) - most) * inverse);
      for (int64_t lane = 0; lane < lanes; ++lane) {
        call.weights[(first_query + lane) * call.weights_stride + key] = weights[lane];
      }
    }
  }
}

// Queries [first_query, first_query + lanes); lanes <= kWidth.
void regress_block(const RegressionCall& call, const RegressionScratch& scratch,
                   int64_t first_query, int64_t lanes) {
  // Below every score of finite distance, and finite itself, so that no difference is NaN.
  Vec most(-3e38f);
  Total weight{Vec(0.0f), Vec(0.0f)};
  for (int64_t lane = 0; lane < kWidth; ++lane) {
    const float* q = call.q + (first_query + smaller(lane, lanes - 1)) * call.q_stride;
    for (int64_t c = 0; c < call.size; ++c) scratch.queries[c * kWidth + lane] = q[c];
  }
  for (int64_t column = 0; column < call.v_size; ++column) {
    store(scratch.totals + column * kWidth, Vec(0.0f));
    store(scratch.lost + column * kWidth, Vec(0.0f));
  }
  for (int64_t first = 0; first < call.keys; first += kRegressionTile) {
    const int64_t last = smaller(first + kRegressionTile, call.keys);
    const Vec higher = regression_scores(call, scratch, first, last, most);
    const Vec shrink = exp_nonpositive(most - higher);
    weight.add(regression_exponentials(scratch, last - first, higher), shrink);
    most = higher;
    if (call.out == nullptr) continue;
    int64_t column = 0;
    for (; column + kRegressionColumns <= call.v_size; column += kRegressionColumns) {
      add_tile<kRegressionColumns>(call, scratch, first, last - first, column, shrink);
    }
    for (; column < call.v_size; ++column) {
      add_tile<1>(call, scratch, first, last - first, column, shrink);
    }
  }
  // Without keys the sum is 0, and so are the totals.
  const Vec inverse = Vec(1.0f) / at_least(weight.sum(), Vec(1.175494351e-38f));
  if (call.out != nullptr) {
    for (int64_t column = 0; column < call.v_size; ++column) {
      float means[kWidth];
      const Total total{load(scratch.totals + column * kWidth),
                        load(scratch.lost + column * kWidth)};
      store(means, total.sum() * inverse);
      for (int64_t lane = 0; lane < lanes; ++lane) {
        call.out[(first_query + lane) * call.out_stride + column] = means[lane];
      }
    }
  }
  if (call.weights != nullptr) {
    store_regression_weights(call, scratch, first_query, lanes, most, inverse);
  }
}

void regression(const RegressionCall& call) {
  ScratchDivider divider(call.scratch);
  const RegressionScratch scratch = divide_regression(divider, call.size, call.v_size);
  for (int64_t first = 0; first < call.queries; first += kWidth) {
    regress_block(call, scratch, first, smaller(kWidth, call.queries - first));
  }
}

}  // namespace
}  // namespace weft::simd
