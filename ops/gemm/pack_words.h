// Transposition of rows of weights into panels, for every element size: words of four bytes hold
// one f32, two bfloat16 or four int8 of neighbouring k.
#pragma once

#include <cstdint>

namespace weft::gemm {

/// panel[k * panel_cols + j] = rows[j * row_stride + k] for j < cols, zero for the other columns.
void pack_words(const std::uint32_t* rows, std::int64_t row_stride, std::int64_t cols,
                std::int64_t depth, std::int64_t panel_cols, std::uint32_t* panel);

}  // namespace weft::gemm
