// Every activation is a 2-D row-major matrix. A Tensor is a view; the owner outlives it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "weft/types.h"

namespace weft {

/// A view of `rows` x `cols` elements; row i begins at data + i * stride elements. Not owning.
/// Heads and parts of a fused projection are column slices: same stride, other data and cols.
struct Tensor {
  void* data = nullptr;
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::int64_t stride = 0;  // in elements, >= cols
  DType dtype = DType::kF32;

  float* f32(std::int64_t row = 0) const { return static_cast<float*>(data) + row * stride; }
  std::int32_t* i32(std::int64_t row = 0) const {
    return static_cast<std::int32_t*>(data) + row * stride;
  }
  /// Rows [first, first + count). F32 and I32 only (four-byte elements).
  Tensor row_block(std::int64_t first, std::int64_t count) const {
    return {static_cast<std::byte*>(data) + first * stride * 4, count, cols, stride, dtype};
  }
  /// Columns [first, first + count). F32 and I32 only.
  Tensor col_block(std::int64_t first, std::int64_t count) const {
    return {static_cast<std::byte*>(data) + first * 4, rows, count, stride, dtype};
  }
};

/// An owning n-dimensional array in C order: what crosses the public edge and lies in safetensors
/// files. `data` is bytes; use values<T>() to look at them (T must match dtype; checked by size).
struct Array {
  DType dtype = DType::kF32;
  std::vector<std::int64_t> shape;
  std::vector<std::byte> data;

  Array() = default;
  /// Zero-filled. Throws Error(kInvalidArgument) on a negative size or one that overflows.
  WEFT_API Array(DType dtype, std::vector<std::int64_t> shape);

  WEFT_API std::int64_t size() const noexcept;  ///< number of elements
  template <typename T>
  std::span<T> values() {
    return {reinterpret_cast<T*>(data.data()), data.size() / sizeof(T)};
  }
  template <typename T>
  std::span<const T> values() const {
    return {reinterpret_cast<const T*>(data.data()), data.size() / sizeof(T)};
  }
};

}  // namespace weft
