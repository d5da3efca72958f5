// Element-wise kernels: add, multiply, axpy, scale, maximum and the widening of 16-bit floats.
#include <doctest/doctest.h>

#include "tests/ops/row_case.h"
#include "tests/reference.h"

namespace weft::test {
namespace {

using Binary = void (*)(const float* a, const float* b, float* y, std::int64_t n);

void check_binary(Binary kernel, double (*reference)(double, double)) {
  for (std::int64_t n : row_lengths()) {
    CAPTURE(n);
    const auto count = static_cast<std::size_t>(n);
    const std::vector<float> a = random_floats(count, 1), b = random_floats(count, 2);
    const GuardedBuffer<float> right(b);
    const std::vector<float> y = run_guarded(
        [&](const float* x, float* out, std::int64_t m) { kernel(x, right.data(), out, m); }, a);
    for (std::size_t i = 0; i < count; ++i) {
      CHECK(y[i] == static_cast<float>(reference(a[i], b[i])));
    }
  }
}

// The value of a binary16 by its definition (IEEE 754-2008, 3.4).
double half_value(std::uint16_t bits) {
  const int exponent = (bits >> 10) & 31;
  const int fraction = bits & 1023;
  const double sign = (bits & 0x8000) != 0 ? -1 : 1;
  if (exponent == 31) return fraction != 0 ? NAN : sign * INFINITY;
  if (exponent == 0) return sign * std::ldexp(fraction, -24);
  return sign * std::ldexp(1024 + fraction, exponent - 25);
}

double bfloat16_value(std::uint16_t bits) {
  const int exponent = (bits >> 7) & 255;
  const int fraction = bits & 127;
  const double sign = (bits & 0x8000) != 0 ? -1 : 1;
  if (exponent == 255) return fraction != 0 ? NAN : sign * INFINITY;
  if (exponent == 0) return sign * std::ldexp(fraction, -133);
  return sign * std::ldexp(128 + fraction, exponent - 134);
}

using Widen = void (*)(const std::uint16_t* x, float* y, std::int64_t n);

void check_widening(Widen kernel, double (*value)(std::uint16_t)) {
  std::vector<std::uint16_t> all(65536);
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::uint16_t>(i);
  const GuardedBuffer<std::uint16_t> in(all);
  GuardedBuffer<float> out(all.size());
  kernel(in.data(), out.data(), 65536);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const double expected = value(all[i]);
    if (std::isnan(expected)) {
      CHECK(std::isnan(out[i]));
    } else {
      CHECK(static_cast<double>(out[i]) == expected);
      CHECK(std::signbit(out[i]) == std::signbit(expected));
    }
  }
  for (std::int64_t n : row_lengths()) {
    CAPTURE(n);
    const auto count = static_cast<std::size_t>(n);
    const GuardedBuffer<std::uint16_t> row(
        std::vector<std::uint16_t>(all.begin() + 15000, all.begin() + 15000 + n));
    GuardedBuffer<float> y(count);
    kernel(row.data(), y.data(), n);
    for (std::size_t i = 0; i < count; ++i) CHECK(y[i] == out[15000 + i]);
  }
}

}  // namespace

TEST_CASE("add and multiply round exactly once at every length, touching nothing beyond it") {
  check_binary(kernels_under_test().add, [](double a, double b) { return a + b; });
  check_binary(kernels_under_test().multiply, [](double a, double b) { return a * b; });
}

TEST_CASE("maximum takes the larger and keeps a NaN of either side") {
  check_binary(kernels_under_test().maximum, [](double a, double b) { return std::max(a, b); });
  std::vector<float> a(37, 1.0f), b(37, 2.0f), y(37);
  a[3] = kNan;
  a[36] = kNan;
  b[4] = kNan;
  b[35] = -kInf;
  a[34] = kInf;
  kernels_under_test().maximum(a.data(), b.data(), y.data(), 37);
  for (std::size_t i : {3u, 4u, 36u}) CHECK(std::isnan(y[i]));
  CHECK(y[35] == 1.0f);
  CHECK(y[34] == kInf);
  CHECK(y[5] == 2.0f);
}

TEST_CASE("axpy adds a multiple and scale multiplies, at every length") {
  for (std::int64_t n : row_lengths()) {
    CAPTURE(n);
    const auto count = static_cast<std::size_t>(n);
    const std::vector<float> x = random_floats(count, 3), start = random_floats(count, 4);
    const GuardedBuffer<float> in(x);
    GuardedBuffer<float> y(start);
    kernels_under_test().axpy(1.7f, in.data(), y.data(), n);
    const std::vector<float> scaled = run_guarded(
        [](const float* a, float* b, std::int64_t m) { kernels_under_test().scale(0.3f, a, b, m); },
        x);
    for (std::size_t i = 0; i < count; ++i) {
      // Two roundings at most: of the product (below 8 in size) and of the sum.
      const double expected = static_cast<double>(1.7f) * x[i] + start[i];
      CHECK(std::fabs(y[i] - expected) <= 1.2e-7 * (std::fabs(1.7 * x[i]) + std::fabs(expected)));
      CHECK(scaled[i] == static_cast<float>(static_cast<double>(0.3f) * x[i]));
    }
  }
}

TEST_CASE("all 65536 binary16 and bfloat16 values widen exactly") {
  check_widening(kernels_under_test().from_f16, half_value);
  check_widening(kernels_under_test().from_bf16, bfloat16_value);
}

}  // namespace weft::test
