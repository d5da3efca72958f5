// The microkernels of one instruction set as a table. kernels.inl is compiled once per level.
#pragma once

#include <cstddef>
#include <cstdint>

#include "weft/types.h"

namespace weft::gemm {

/// A few rows of c times one panel of packed weights. Each element is one chain over ascending k:
/// its start, then one multiply-add per k (rounded once where the level has FMA, else twice), so no
/// cut of rows, columns or k changes its bits.
struct Tile {
  const float* a;         // (rows, depth), any alignment; nothing else is read
  std::int64_t a_stride;  // in floats
  const float* b;         // (depth, panel_cols), zeros in columns beyond `cols`
  const float* start;     // panel_cols first values (the bias); null: the partial sums in c
  float* c;               // (rows, cols), written
  std::int64_t c_stride;  // in floats
  std::int64_t depth;
  std::int64_t cols;  // 1 .. panel_cols
  // What later tiles will read is brought to the L2 cache: with every four steps of k, as long as
  // it lasts, `prefetch_lines` cache lines of each of kStreams streams. None of it need be
  // readable.
  const float* prefetch;
  std::int64_t prefetch_stride;  // from stream to stream, in floats
  std::int64_t prefetch_lines;   // 0: nothing
  std::int64_t prefetch_steps;   // how many times
};

/// c = activation(c) + residual, while c is still in the L1 cache.
struct Finish {
  float* c;  // (rows, cols)
  std::int64_t c_stride;
  const float* residual;  // (rows, cols); null: none
  std::int64_t residual_stride;
  std::int64_t rows;
  std::int64_t cols;
  Activation activation;
};

// Of lines brought to the L2 cache: prefetch_streams() in panel_loop.inl.
inline constexpr int kStreams = 2;

inline constexpr int kLargestTile = 16;

struct Kernels {
  const char* name;  // e.g. "native avx512 14x32"
  std::int64_t panel_cols;
  std::int64_t max_rows;                    // of a tile
  std::int64_t most_depth;                  // steps of k computed at a stretch
  void (*tile[kLargestTile])(const Tile&);  // [rows - 1]
  void (*finish)(const Finish&);
  /// panel[k * panel_cols + j] = rows[j * row_stride + k] for j < cols, zero for the others.
  void (*pack)(const float* rows, std::int64_t row_stride, std::int64_t cols, std::int64_t depth,
               float* panel);
};

/// The f32 table of a level; from kAvx512 on they are one. Whether the processor can run it is
/// isa.h's question.
const Kernels& kernels(Isa isa) noexcept;

}  // namespace weft::gemm
