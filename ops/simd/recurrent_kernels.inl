// The gates of recurrent layers, one row at a time.

#include "ops/simd/kernels.h"
#include "ops/simd/math.inl"

namespace weft::simd {
namespace {

struct GruGates {
  Vec x_reset, x_update, x_new, g_reset, g_update, g_new, h;
};

[[gnu::always_inline]] inline Vec gru_state(const GruGates& in) {
  const Vec reset = sigmoid(in.x_reset + in.g_reset);
  const Vec update = sigmoid(in.x_update + in.g_update);
  const Vec candidate = tanh(mul_add(reset, in.g_new, in.x_new));
  return mul_add(update, in.h - candidate, candidate);
}

void gru(const float* x, const float* g, const float* h, float* y, std::int64_t n) {
  std::int64_t i = 0;
  for (; i + kWidth <= n; i += kWidth) {
    store(y + i, gru_state({load(x + i), load(x + n + i), load(x + 2 * n + i), load(g + i),
                            load(g + n + i), load(g + 2 * n + i), load(h + i)}));
  }
  if (i < n) {
    const std::int64_t left = n - i;
    const auto part = [left](const float* p) { return load_partial(p, left); };
    const Vec last = gru_state({part(x + i), part(x + n + i), part(x + 2 * n + i), part(g + i),
                                part(g + n + i), part(g + 2 * n + i), part(h + i)});
    store_partial(y + i, last, left);
  }
}

}  // namespace
}  // namespace weft::simd
