// Elementary functions of a register, branch-free and without state: every lane takes the same
// instructions, so a value's result does not depend on its place. Errors are against exact
// arithmetic, over all floats, at every level; tests/ops/math_test.cpp measures them.
#pragma once

#include "ops/simd/vec.h"
#include "weft/types.h"

namespace weft::simd {
namespace {

/// 2^n and r with x = n ln 2 + r, |r| <= ln 2 / 2, for x in [-88.1, 88.9].
struct Reduced {
  Vec power;  // 0 for n = -127, infinity for n = 128
  Vec r;
};
[[gnu::always_inline]] inline Reduced reduce_by_ln2(Vec x) {
  // Adding 1.5 * 2^23 rounds to an integer, which is left in the low bits with the exponent's bias.
  const Vec shift(12582912.0f + 127.0f);
  const Vec shifted = mul_add(x, Vec(1.44269502f), shift);
  const Vec n = shifted - shift;
  // ln 2 in two parts, the first so short that n times it is exact without FMA as well.
  Vec r = negative_mul_add(n, Vec(0.693359375f), x);
  r = negative_mul_add(n, Vec(-2.12194442e-4f), r);
  return {lanes_of_bits(bits_of_lanes(shifted) << 23), r};
}

/// (e^r - 1 - r) / r^2 for |r| <= ln 2 / 2; minimax, the error of e^r is 3.1e-9.
[[gnu::always_inline]] inline Vec exp_series_tail(Vec r) {
  Vec q = mul_add(Vec(1.38145406e-3f), r, Vec(8.36874545e-3f));
  q = mul_add(q, r, Vec(4.1668389e-2f));
  q = mul_add(q, r, Vec(0.166665211f));
  return mul_add(q, r, Vec(0.49999994f));
}

/// e^x to 1.2e-7 (relative). Exactly 0 below -87.7 and infinity above 88.4; NaN stays.
[[gnu::always_inline]] inline Vec exp(Vec x) {
  const Reduced reduced = reduce_by_ln2(at_most(at_least(x, Vec(-88.0f)), Vec(88.8f)));
  const Vec q = mul_add(exp_series_tail(reduced.r), reduced.r, Vec(1.0f));
  return mul_add(q, reduced.r, Vec(1.0f)) * reduced.power;
}

/// e^x for x <= 0, as exp() without the upper bound.
[[gnu::always_inline]] inline Vec exp_nonpositive(Vec x) {
  const Reduced reduced = reduce_by_ln2(at_least(x, Vec(-88.0f)));
  const Vec q = mul_add(exp_series_tail(reduced.r), reduced.r, Vec(1.0f));
  return mul_add(q, reduced.r, Vec(1.0f)) * reduced.power;
}

/// tanh x to 2e-7 (relative) as a fraction, e / (e + 2) with e = expm1(2 |x|); the denominator lies
/// between 2 and 4.9e8.
struct TanhFraction {
  Vec numerator, denominator;
};
[[gnu::always_inline]] inline TanhFraction tanh_fraction(Vec x) {
  const Vec doubled = at_most(xsimd::abs(x), Vec(10.0f)) * Vec(2.0f);
  const Reduced reduced = reduce_by_ln2(doubled);
  const Vec square = reduced.r * reduced.r;
  const Vec small = mul_add(exp_series_tail(reduced.r), square, reduced.r);
  const Vec e = mul_add(small, reduced.power, reduced.power - Vec(1.0f));
  return {with_sign(e, x), e + Vec(2.0f)};
}

/// tanh x to 2e-7 (relative).
[[gnu::always_inline]] inline Vec tanh(Vec x) {
  const TanhFraction fraction = tanh_fraction(x);
  return fraction.numerator / fraction.denominator;
}

/// 1 / (1 + e^-x) to 2e-7 (relative); 0 below -88.4.
[[gnu::always_inline]] inline Vec sigmoid(Vec x) {
  const Vec one(1.0f);
  return one / (one + exp(Vec(0.0f) - x));
}

/// x / (1 + e^-x), as sigmoid.
[[gnu::always_inline]] inline Vec silu(Vec x) { return x / (Vec(1.0f) + exp(Vec(0.0f) - x)); }

/// x Phi(x), the exact erf form, without exp or division. Phi(-t) = P(t)^4 for t >= 0: the fourth
/// root falls so gently that a polynomial of degree 11 suffices (weighted minimax on [0, 5.75]).
/// Its one positive zero is at 6.896, after which it is negative and Phi(-t) taken as 0.
/// Error: 4.5e-7 of the result for x > -1, 2.5e-6 down to -3, 1e-8 absolute below.
[[gnu::always_inline]] inline Vec gelu(Vec x) {
  const Vec t = xsimd::abs(x);
  Vec p = mul_add(Vec(-7.76571518e-9f), t, Vec(2.40397156e-7f));
  p = mul_add(p, t, Vec(-2.87311536e-6f));
  p = mul_add(p, t, Vec(1.45672229e-5f));
  p = mul_add(p, t, Vec(-7.2297953e-6f));
  p = mul_add(p, t, Vec(-1.61334101e-4f));
  p = mul_add(p, t, Vec(-2.33792176e-4f));
  p = mul_add(p, t, Vec(3.9554867e-3f));
  p = mul_add(p, t, Vec(4.57901182e-3f));
  p = mul_add(p, t, Vec(-5.01831025e-2f));
  p = mul_add(p, t, Vec(-0.167734951f));
  p = mul_add(p, t, Vec(0.840896428f));
  p = at_least(p, Vec(0.0f));
  const Vec square = p * p;
  const Vec tail = square * square;
  return x * select_by_sign(x, negative_mul_add(square, square, Vec(1.0f)), tail);
}

/// 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) = x sigmoid(2 u), u the tanh's argument.
/// Error: 3e-7 of the result for x > -1, 8e-7 down to -3, 5e-9 absolute below.
[[gnu::always_inline]] inline Vec gelu_tanh(Vec x) {
  const Vec minus_two_u =
      x * mul_add(x * x, Vec(-0.0713548163f), Vec(-1.59576912f));  // -2 sqrt(2 / pi) (...)
  return x / (Vec(1.0f) + exp(minus_two_u));
}

template <Activation kind>
[[gnu::always_inline]] inline Vec activate(Vec x) {
  if constexpr (kind == Activation::kGelu) return gelu(x);
  if constexpr (kind == Activation::kGeluTanh) return gelu_tanh(x);
  if constexpr (kind == Activation::kRelu) return at_least(x, Vec(0.0f));
  if constexpr (kind == Activation::kSilu) return silu(x);
  if constexpr (kind == Activation::kTanh) return tanh(x);
  if constexpr (kind == Activation::kSigmoid) return sigmoid(x);
  return x;
}

}  // namespace
}  // namespace weft::simd
