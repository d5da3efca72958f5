// What the loops of the products have in common: the panel of weights that a tile walks through
// lies in the L2 cache.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ops/simd/row_pointers.inl"

namespace weft::gemm {
namespace {

using simd::advance;
using simd::keep_index;
using simd::multiply_add_rows;
using simd::row_of;
using simd::row_pointers;
using simd::RowPointers;

// Steps of k between a line's prefetch into the L1 cache and its use.
constexpr int kStepsAhead = 8;

/// Brings the lines of one step, `bytes` of them, to the L1 cache. They need not be readable.
[[gnu::always_inline]] inline void prefetch_panel(const void* p, std::size_t bytes) {
  const char* line = static_cast<const char*>(p);
#pragma GCC unroll 4
  for (std::size_t i = 0; i < (bytes + 63) / 64; ++i) __builtin_prefetch(line + i * 64, 0, 3);
}

/// Brings what later tiles will read to the L2 cache, the next line of each of two streams: with
/// two products that read cold weights ran at 88 % of a Cascade Lake's peak, with one or four
/// at 78.
[[gnu::always_inline]] inline void prefetch_streams(const void* p, std::int64_t stride_bytes) {
  __builtin_prefetch(p, 0, 2);
  __builtin_prefetch(static_cast<const char*>(p) + stride_bytes, 0, 2);
}

}  // namespace
}  // namespace weft::gemm
