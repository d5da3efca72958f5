// All rows of c times one panel of packed weights: what products and matmul have in common.
#pragma once

#include "ops/gemm/kernels.h"

namespace weft::gemm {

struct PanelProduct {
  const float* a;         // (rows, depth)
  std::int64_t a_stride;  // in floats
  const float* panel;     // (depth, panel_cols)
  const float* start;     // panel_cols first values; null: the partial sums in c
  float* c;               // (rows, cols), written
  std::int64_t c_stride;
  std::int64_t rows;
  std::int64_t cols;  // 1 .. panel_cols
  std::int64_t depth;
  const float* next_panel;  // as long as this one, brought to the L2 cache meanwhile; null: none
};

/// Cuts the rows into tiles of nearly equal size and calls done(first_row, rows) after each, while
/// the tile of c is still in the L1 cache.
template <typename Done>
void multiply_panel(const Kernels& kernels, const PanelProduct& p, Done&& done) {
  if (p.rows == 0) return;
  const std::int64_t tiles = (p.rows + kernels.max_rows - 1) / kernels.max_rows;
  const std::int64_t rows_each = p.rows / tiles;
  const std::int64_t one_more = p.rows % tiles;
  // The next panel's lines, spread over the tiles and over each tile's steps of four k.
  const std::int64_t steps = p.depth / 4;
  const std::int64_t panel_lines = p.depth * kernels.panel_cols / 16;
  const std::int64_t lines =
      p.next_panel == nullptr || steps == 0 ? 0 : (panel_lines / steps + tiles - 1) / tiles;
  const float* next = p.next_panel;
  std::int64_t first = 0;
  for (std::int64_t i = 0; i < tiles; ++i) {
    const std::int64_t rows = rows_each + (i < one_more ? 1 : 0);
    kernels.tile[rows - 1]({.a = p.a + first * p.a_stride,
                            .a_stride = p.a_stride,
                            .b = p.panel,
                            .start = p.start,
                            .c = p.c + first * p.c_stride,
                            .c_stride = p.c_stride,
                            .depth = p.depth,
                            .cols = p.cols,
                            .prefetch = next,
                            .prefetch_lines = lines});
    if (lines != 0) next += lines * steps * 16;
    done(first, rows);
    first += rows;
  }
}

}  // namespace weft::gemm
