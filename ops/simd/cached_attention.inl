// Attention of one query over listed keys. A key's row is read once for all heads, as one stretch
// of memory; every sum runs over the keys in the order of the list.
#include "ops/simd/kernels.h"
#include "ops/simd/vec.h"

namespace weft::simd {
namespace {

[[gnu::always_inline]] inline float dot(const float* a, const float* b, std::int64_t n) {
  Vec sum(0.0f);
  std::int64_t i = 0;
  for (; i + kWidth <= n; i += kWidth) sum = mul_add(load(a + i), load(b + i), sum);
  if (i < n) sum = mul_add(load_partial(a + i, n - i), load_partial(b + i, n - i), sum);
  return horizontal_sum(sum);
}

// Rows lie anywhere, so that the hardware sees where the next one is too late. Keys are asked for
// this many rows ahead, values by the next four.
constexpr std::int64_t kRowsAhead = 3;

[[gnu::always_inline]] inline void prefetch(const float* x, std::int64_t n) {
  for (std::int64_t i = 0; i < n; i += 16) __builtin_prefetch(x + i);
}

// y += w[0] x[0] + w[1] x[1] + ..., one after the other, for n elements.
template <int kKeys>
[[gnu::always_inline]] inline void add_weighted(const float* const (&x)[kKeys],
                                                const float (&w)[kKeys], float* y, std::int64_t n) {
  Vec factor[kKeys];
#pragma GCC unroll 4
  for (int k = 0; k < kKeys; ++k) factor[k] = Vec(w[k]);
  std::int64_t i = 0;
  for (; i + kWidth <= n; i += kWidth) {
    Vec sum = load(y + i);
#pragma GCC unroll 4
    for (int k = 0; k < kKeys; ++k) sum = mul_add(factor[k], load(x[k] + i), sum);
    store(y + i, sum);
  }
  if (i < n) {
    Vec sum = load_partial(y + i, n - i);
#pragma GCC unroll 4
    for (int k = 0; k < kKeys; ++k) {
      sum = mul_add(factor[k], load_partial(x[k] + i, n - i), sum);
    }
    store_partial(y + i, sum, n - i);
  }
}

// Adds the values of keys [first, first + kKeys) of the list to every head's context.
template <int kKeys>
[[gnu::always_inline]] inline void add_values(const CachedAttentionCall& call, std::int64_t first) {
  const float* rows[kKeys];
  const float* next[kKeys];
#pragma GCC unroll 4
  for (int k = 0; k < kKeys; ++k) {
    const std::int64_t later = first + kKeys + k < call.count ? first + kKeys + k : first + k;
    rows[k] = call.values + call.rows[first + k] * call.values_stride;
    next[k] = call.values + call.rows[later] * call.values_stride;
  }
  for (std::int64_t h = 0; h < call.heads; ++h) {
    const float* x[kKeys];
    float w[kKeys];
#pragma GCC unroll 4
    for (int k = 0; k < kKeys; ++k) {
      x[k] = rows[k] + h * call.v_size;
      w[k] = call.scores[h * call.scores_stride + first + k];
      prefetch(next[k] + h * call.v_size, call.v_size);
    }
    add_weighted(x, w, call.out + h * call.v_size, call.v_size);
  }
}

void cached_attention(const CachedAttentionCall& call) {
  for (std::int64_t j = 0; j < call.count; ++j) {
    const std::int64_t later = j + kRowsAhead < call.count ? j + kRowsAhead : j;
    const float* key = call.keys + call.rows[j] * call.keys_stride;
    const float* next = call.keys + call.rows[later] * call.keys_stride;
    for (std::int64_t h = 0; h < call.heads; ++h) {
      prefetch(next + h * call.qk_size, call.qk_size);
      call.scores[h * call.scores_stride + j] =
          call.scale * dot(call.q + h * call.qk_size, key + h * call.qk_size, call.qk_size);
    }
  }
  for (std::int64_t h = 0; h < call.heads; ++h) {
    float* scores = call.scores + h * call.scores_stride;
    if (call.bias != nullptr) {
      const float* bias = call.bias + h * call.bias_stride;
      for (std::int64_t j = 0; j < call.count; ++j) {
        const std::int64_t column = call.bias_radius + j - (call.count - 1);
        scores[j] += bias[column < 0 ? 0 : column];
      }
    }
    softmax(scores, scores, call.count);
  }
  for (std::int64_t i = 0; i < call.heads * call.v_size; ++i) call.out[i] = 0.0f;
  std::int64_t j = 0;
  for (; j + 4 <= call.count; j += 4) add_values<4>(call, j);
  for (; j < call.count; ++j) add_values<1>(call, j);
}

}  // namespace
}  // namespace weft::simd
