// Rounding to bfloat16 by arithmetic, apart from what it checks.
#pragma once

#include <cmath>

namespace weft::test {

/// The nearest number of 8 significant bits, ties to even, by arithmetic; subnormals are not asked.
inline double nearest_bf16(double x) {
  if (x == 0 || !std::isfinite(x)) return x;
  int exponent = 0;
  const double fraction = std::frexp(x, &exponent);
  return std::ldexp(std::nearbyint(std::ldexp(fraction, 8)), exponent - 8);
}

}  // namespace weft::test
