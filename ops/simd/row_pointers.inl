// The rows that a tile of sums walks along, addressed with few registers and few instructions:
// address arithmetic and separate loads take issue slots from multiply-adds. On Cascade Lake, which
// issues four micro-operations a cycle, tiles of 14 x 32 sums had 46 and reloads for 28
// multiply-adds.
#pragma once

#include <cstdint>

#include "ops/simd/vec.h"

namespace weft::simd {
namespace {

/// Every third row's pointer: the pointers of 14 rows in five registers.
template <int Rows, typename Element = float>
struct RowPointers {
  const Element* p[(Rows + 2) / 3];
};
template <int Rows, typename Element>
[[gnu::always_inline]] inline RowPointers<Rows, Element> row_pointers(const Element* a,
                                                                      std::int64_t stride) {
  RowPointers<Rows, Element> rows;
#pragma GCC unroll 6
  for (int i = 0; i < (Rows + 2) / 3; ++i) rows.p[i] = a + i * 3 * stride;
  return rows;
}
template <int Rows, typename Element>
[[gnu::always_inline]] inline void advance(RowPointers<Rows, Element>& rows, std::int64_t n) {
#pragma GCC unroll 6
  for (int i = 0; i < (Rows + 2) / 3; ++i) rows.p[i] += n;
}
template <int Rows, typename Element>
[[gnu::always_inline]] inline const Element* row_of(const RowPointers<Rows, Element>& rows,
                                                    std::int64_t stride, int row, int k) {
  return rows.p[row / 3] + (row % 3) * stride + k;
}
/// Whether row_of() needs an index register, which splits an instruction that loads and computes.
constexpr bool is_indexed(int row) { return row % 3 != 0; }

/// sum += column k of a times the vectors `right` of row k of b.
template <int Rows, int Vectors>
[[gnu::always_inline]] inline void multiply_add_rows(const RowPointers<Rows>& a,
                                                     std::int64_t stride, int k,
                                                     const Vec (&right)[Vectors],
                                                     Vec (&sum)[Rows][Vectors]) {
#pragma GCC unroll 16
  for (int i = 0; i < Rows; ++i) {
    const float* left = row_of(a, stride, i, k);
    const Vec lanes(*left);  // not loaded unless it is used
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) {
      sum[i][v] = is_indexed(i) ? mul_add(lanes, right[v], sum[i][v])
                                : mul_add_from(left, right[v], sum[i][v]);
    }
  }
}

/// Makes the compiler address rows as pointer + stride + constant: g++ 12 otherwise computes the
/// sums of stride and constant beforehand, has not the registers and reloads them in the loop.
[[gnu::always_inline]] inline void keep_index(std::int64_t& stride) { asm("" : "+r"(stride)); }

}  // namespace
}  // namespace weft::simd
