#include "runtime/checked_size.h"

namespace weft {

std::optional<std::int64_t> checked_product(std::int64_t a, std::int64_t b) noexcept {
  std::int64_t result = 0;
  if (a < 0 || b < 0 || __builtin_mul_overflow(a, b, &result)) return std::nullopt;
  return result;
}

std::optional<std::int64_t> checked_elements(std::span<const std::int64_t> shape) noexcept {
  std::optional<std::int64_t> nonzero = 1;
  bool empty = false;
  for (const std::int64_t dimension : shape) {
    empty = empty || dimension == 0;
    nonzero = checked_product(*nonzero, dimension == 0 ? 1 : dimension);
    if (!nonzero) return std::nullopt;
  }
  return empty ? 0 : nonzero;
}

std::optional<std::int64_t> checked_bytes(std::int64_t elements, DType dtype) noexcept {
  const std::optional<std::int64_t> bits = checked_product(elements, bits_of(dtype));
  if (!bits || *bits % 8 != 0) return std::nullopt;
  return *bits / 8;
}

}  // namespace weft
