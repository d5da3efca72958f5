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
  const float* next;  // as much as panel holds, brought to the L2 cache meanwhile; null: nothing
};

/// Cuts the rows into tiles of nearly equal size and calls done(first_row, rows) after each, while
/// the tile of c is still in the L1 cache.
template <typename Done>
void multiply_panel(const Kernels& kernels, const PanelProduct& p, Done&& done) {
  if (p.rows == 0) return;
  const std::int64_t tiles = (p.rows + kernels.max_rows - 1) / kernels.max_rows;
  const std::int64_t rows_each = p.rows / tiles;
  const std::int64_t one_more = p.rows % tiles;
  // The cache lines of `next`, in kStreams streams spread over the tiles and each tile's steps.
  const std::int64_t steps = p.depth / 4;
  const std::int64_t stream_lines = p.depth * kernels.panel_cols / (16 * kStreams);
  const std::int64_t tile_lines =
      p.next == nullptr || steps == 0 ? 0 : (stream_lines + tiles - 1) / tiles;
  const std::int64_t step_lines = tile_lines == 0 ? 0 : (tile_lines + steps - 1) / steps;
  const std::int64_t prefetch_steps =
      tile_lines == 0 ? 0 : (tile_lines + step_lines - 1) / step_lines;
  const float* next = p.next;
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
                            .prefetch_stride = stream_lines * 16,
                            .prefetch_lines = step_lines,
                            .prefetch_steps = prefetch_steps});
    if (next != nullptr) next += step_lines * prefetch_steps * 16;
    done(first, rows);
    first += rows;
  }
}

}  // namespace weft::gemm
