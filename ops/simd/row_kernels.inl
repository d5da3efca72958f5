// Kernels over one row or a run of elements. Vectors from the row's start, then one partial vector
// by mask: an element's instructions depend on its column only.
#include "ops/simd/kernels.h"
#include "ops/simd/math.inl"

namespace weft::simd {
namespace {

// y[i] = function(x[i]).
template <typename Function>
[[gnu::always_inline]] inline void map(const float* x, float* y, std::int64_t n,
                                       Function function) {
  std::int64_t i = 0;
  for (; i + kWidth <= n; i += kWidth) store(y + i, function(load(x + i)));
  if (i < n) store_partial(y + i, function(load_partial(x + i, n - i)), n - i);
}

// y[i] = function(a[i], b[i]).
template <typename Function>
[[gnu::always_inline]] inline void map(const float* a, const float* b, float* y, std::int64_t n,
                                       Function function) {
  std::int64_t i = 0;
  for (; i + kWidth <= n; i += kWidth) store(y + i, function(load(a + i), load(b + i)));
  if (i < n) {
    store_partial(y + i, function(load_partial(a + i, n - i), load_partial(b + i, n - i)), n - i);
  }
}

// Four running values, so that the latency of one is hidden by the others: vector v of the row goes
// to value v % 4, those after the last group of four to value 0.
struct Running {
  Vec value[4];
};

// running = function(running, x[i]) over the row.
template <typename Function>
[[gnu::always_inline]] inline Running fold(const float* x, std::int64_t n, Vec start,
                                           Function function) {
  Running r{{start, start, start, start}};
  std::int64_t i = 0;
  for (; i + 4 * kWidth <= n; i += 4 * kWidth) {
#pragma GCC unroll 4
    for (int v = 0; v < 4; ++v) r.value[v] = function(r.value[v], load(x + i + v * kWidth));
  }
  for (; i + kWidth <= n; i += kWidth) r.value[0] = function(r.value[0], load(x + i));
  if (i < n) {
    const Vec last = function(r.value[0], load_partial(x + i, n - i));
    r.value[0] = keep_first(last, n - i, r.value[0]);
  }
  return r;
}

[[gnu::always_inline]] inline float total(const Running& r) {
  return horizontal_sum((r.value[0] + r.value[1]) + (r.value[2] + r.value[3]));
}

// The largest element but for NaN, which is passed over; -infinity for an empty row.
[[gnu::always_inline]] inline float largest(const float* x, std::int64_t n) {
  const Running r =
      fold(x, n, Vec(-__builtin_inff()), [](Vec most, Vec value) { return at_least(most, value); });
  return horizontal_max(
      at_least(at_least(r.value[0], r.value[1]), at_least(r.value[2], r.value[3])));
}

void activation(Activation kind, const float* x, float* y, std::int64_t n) {
  switch (kind) {
    case Activation::kNone: return map(x, y, n, activate<Activation::kNone>);
    case Activation::kGelu: return map(x, y, n, activate<Activation::kGelu>);
    case Activation::kGeluTanh: return map(x, y, n, activate<Activation::kGeluTanh>);
    case Activation::kRelu: return map(x, y, n, activate<Activation::kRelu>);
    case Activation::kSilu: return map(x, y, n, activate<Activation::kSilu>);
    case Activation::kTanh: return map(x, y, n, activate<Activation::kTanh>);
    case Activation::kSigmoid: return map(x, y, n, activate<Activation::kSigmoid>);
  }
}

void add(const float* a, const float* b, float* y, std::int64_t n) {
  map(a, b, y, n, [](Vec left, Vec right) { return left + right; });
}

void multiply(const float* a, const float* b, float* y, std::int64_t n) {
  map(a, b, y, n, [](Vec left, Vec right) { return left * right; });
}

template <Activation kind>
[[gnu::always_inline]] inline void gate(const float* a, const float* b, float* y, std::int64_t n) {
  map(a, b, y, n, [](Vec gate_value, Vec value) { return activate<kind>(gate_value) * value; });
}

void gated(Activation kind, const float* a, const float* b, float* y, std::int64_t n) {
  switch (kind) {
    case Activation::kNone: return gate<Activation::kNone>(a, b, y, n);
    case Activation::kGelu: return gate<Activation::kGelu>(a, b, y, n);
    case Activation::kGeluTanh: return gate<Activation::kGeluTanh>(a, b, y, n);
    case Activation::kRelu: return gate<Activation::kRelu>(a, b, y, n);
    case Activation::kSilu: return gate<Activation::kSilu>(a, b, y, n);
    case Activation::kTanh: return gate<Activation::kTanh>(a, b, y, n);
    case Activation::kSigmoid: return gate<Activation::kSigmoid>(a, b, y, n);
  }
}

void axpy(float a, const float* x, float* y, std::int64_t n) {
  const Vec factor(a);
  map(x, y, y, n, [factor](Vec value, Vec sum) { return mul_add(factor, value, sum); });
}

void scale(float a, const float* x, float* y, std::int64_t n) {
  const Vec factor(a);
  map(x, y, n, [factor](Vec value) { return factor * value; });
}

void maximum(const float* a, const float* b, float* y, std::int64_t n) {
  map(a, b, y, n, larger_or_nan);
}

void layer_norm(const float* x, const float* gamma, const float* beta, float eps, float* y,
                std::int64_t n) {
  const float count = static_cast<float>(n);
  const float sum = total(fold(x, n, Vec(0.0f), [](Vec s, Vec value) { return s + value; }));
  const Vec mean(sum / count);
  const float squares = total(fold(x, n, Vec(0.0f), [mean](Vec s, Vec value) {
    const Vec centred = value - mean;
    return mul_add(centred, centred, s);
  }));
  const Vec inverse(1.0f / __builtin_sqrtf(squares / count + eps));
  std::int64_t i = 0;
  if (beta != nullptr) {
    for (; i + kWidth <= n; i += kWidth) {
      store(y + i, mul_add((load(x + i) - mean) * inverse, load(gamma + i), load(beta + i)));
    }
    if (i < n) {
      const Vec normal = (load_partial(x + i, n - i) - mean) * inverse;
      const Vec last =
          mul_add(normal, load_partial(gamma + i, n - i), load_partial(beta + i, n - i));
      store_partial(y + i, last, n - i);
    }
  } else {
    map(x, gamma, y, n,
        [mean, inverse](Vec value, Vec weight) { return (value - mean) * inverse * weight; });
  }
}

void rms_norm(const float* x, const float* gamma, float eps, float* y, std::int64_t n) {
  const float squares =
      total(fold(x, n, Vec(0.0f), [](Vec s, Vec value) { return mul_add(value, value, s); }));
  const Vec inverse(1.0f / __builtin_sqrtf(squares / static_cast<float>(n) + eps));
  map(x, gamma, y, n, [inverse](Vec value, Vec weight) { return value * inverse * weight; });
}

void rotate_halves(const float* x, const float* cos, const float* sin, float* y, std::int64_t n) {
  std::int64_t i = 0;
  for (; i + kWidth <= n; i += kWidth) {
    const Vec a = load(x + i), b = load(x + n + i), c = load(cos + i), s = load(sin + i);
    store(y + i, negative_mul_add(b, s, a * c));
    store(y + n + i, mul_add(a, s, b * c));
  }
  if (i < n) {
    const Vec a = load_partial(x + i, n - i), b = load_partial(x + n + i, n - i);
    const Vec c = load_partial(cos + i, n - i), s = load_partial(sin + i, n - i);
    store_partial(y + i, negative_mul_add(b, s, a * c), n - i);
    store_partial(y + n + i, mul_add(a, s, b * c), n - i);
  }
}

void rotate_interleaved(const float* x, const float* cos, const float* sin, float* y,
                        std::int64_t n) {
  constexpr std::int64_t kPairs = kWidth / 2;
  std::int64_t i = 0;
  for (; i + kPairs <= n; i += kPairs) {
    store(y + 2 * i, rotate_pairs(load(x + 2 * i), load_doubled(cos + i), load_doubled(sin + i)));
  }
  if (i < n) {
    float last_cos[kPairs] = {}, last_sin[kPairs] = {};
    for (std::int64_t k = 0; k < n - i; ++k) {
      last_cos[k] = cos[i + k];
      last_sin[k] = sin[i + k];
    }
    const Vec last = load_partial(x + 2 * i, 2 * (n - i));
    store_partial(y + 2 * i, rotate_pairs(last, load_doubled(last_cos), load_doubled(last_sin)),
                  2 * (n - i));
  }
}

void softmax(const float* x, float* y, std::int64_t n) {
  const float most = largest(x, n);
  // A row without a finite maximum is left unshifted: -infinity gives 0, NaN stays.
  const Vec shift(most == -__builtin_inff() ? 0.0f : most);
  Running sums{{Vec(0.0f), Vec(0.0f), Vec(0.0f), Vec(0.0f)}};
  std::int64_t i = 0;
  for (; i + 4 * kWidth <= n; i += 4 * kWidth) {
#pragma GCC unroll 4
    for (int v = 0; v < 4; ++v) {
      const Vec e = exp_nonpositive(load(x + i + v * kWidth) - shift);
      store(y + i + v * kWidth, e);
      sums.value[v] = sums.value[v] + e;
    }
  }
  for (; i + kWidth <= n; i += kWidth) {
    const Vec e = exp_nonpositive(load(x + i) - shift);
    store(y + i, e);
    sums.value[0] = sums.value[0] + e;
  }
  if (i < n) {
    const Vec e = exp_nonpositive(load_partial(x + i, n - i, Vec(-__builtin_inff())) - shift);
    store_partial(y + i, e, n - i);
    sums.value[0] = sums.value[0] + e;
  }
  const float sum = total(sums);
  scale(sum == 0 ? 0.0f : 1.0f / sum, y, y, n);
}

float largest_or_nan(const float* x, std::int64_t n) {
  const Running r = fold(x, n, Vec(-__builtin_inff()), larger_or_nan);
  const Vec most =
      larger_or_nan(larger_or_nan(r.value[0], r.value[1]), larger_or_nan(r.value[2], r.value[3]));
  float lanes[kWidth];
  store(lanes, most);
  float result = lanes[0];
  for (int i = 1; i < kWidth; ++i) {
    if (!(lanes[i] <= result) && result == result) result = lanes[i];
  }
  return result;
}

float sum_exp(const float* x, float shift, std::int64_t n) {
  const Vec most(shift);
  return total(fold(x, n, Vec(0.0f),
                    [most](Vec sum, Vec value) { return sum + exp_nonpositive(value - most); }));
}

void normalize(const float* x, float* y, std::int64_t n) {
  const float magnitude = horizontal_max([&] {
    const Running r = fold(x, n, Vec(0.0f),
                           [](Vec most, Vec value) { return at_least(most, xsimd::abs(value)); });
    return at_least(at_least(r.value[0], r.value[1]), at_least(r.value[2], r.value[3]));
  }());
  // Squares of elements beyond 2^40 could overflow their sum: such a row is scaled down first.
  const Vec factor(magnitude > 0x1p40f ? 0x1p-80f : 1.0f);
  const float squares = total(fold(x, n, Vec(0.0f), [factor](Vec s, Vec value) {
    const Vec scaled = value * factor;
    return mul_add(scaled, scaled, s);
  }));
  const float length = __builtin_sqrtf(squares);
  const Vec divisor(length < 1e-12f ? 1e-12f : length);
  map(x, y, n, [factor, divisor](Vec value) { return value * factor / divisor; });
}

// Widens whole vectors, then a copy of the rest.
template <typename Load>
[[gnu::always_inline]] inline void widen(const std::uint16_t* x, float* y, std::int64_t n,
                                         Load load_wide) {
  std::int64_t i = 0;
  for (; i + kWidth <= n; i += kWidth) store(y + i, load_wide(x + i));
  if (i < n) {
    std::uint16_t last[kWidth] = {};
    for (std::int64_t k = 0; k < n - i; ++k) last[k] = x[i + k];
    store_partial(y + i, load_wide(last), n - i);
  }
}

void from_f16(const std::uint16_t* x, float* y, std::int64_t n) { widen(x, y, n, load_f16); }
void from_bf16(const std::uint16_t* x, float* y, std::int64_t n) { widen(x, y, n, load_bf16); }

}  // namespace
}  // namespace weft::simd
