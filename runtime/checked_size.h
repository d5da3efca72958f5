// Sizes that come from files or callers, multiplied without wrapping.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "weft/types.h"

namespace weft {

/// a * b, or nothing if that passes 2^63 - 1 or a factor is negative.
std::optional<std::int64_t> checked_product(std::int64_t a, std::int64_t b) noexcept;

/// The number of elements of a shape (1 for rank 0), or nothing if a dimension is negative or the
/// product of the dimensions other than 0 overflows: a 0 does not hide it, in any order.
std::optional<std::int64_t> checked_elements(std::span<const std::int64_t> shape) noexcept;

/// Bytes of that many elements, or nothing if that overflows or is not a whole number of bytes.
std::optional<std::int64_t> checked_bytes(std::int64_t elements, DType dtype) noexcept;

}  // namespace weft
