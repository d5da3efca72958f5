// The int8 microkernels of one instruction set as a table. kernels_int8.inl is compiled once per
// level. All levels compute the same integers; they differ in how a group of k lies in memory.
#pragma once

#include <cstddef>
#include <cstdint>

#include "weft/types.h"

namespace weft::gemm {

/// What a row of activations was divided by, and the byte that stands for 0 in it.
struct Int8Scale {
  float scale;
  std::int32_t zero;  // 0 .. 255
};

/// A few rows of c times one panel of packed weights:
///   c[i][j] = (sum over k of (a[i][k] - zero[i]) b[k][j]) * (row_scale[i] * col_scale[j]) +
///   bias[j],
/// the sum in exact 32-bit integers, the rest in f32.
struct Int8Tile {
  const std::byte* a;           // (rows, steps) groups of 4 bytes, as quantize() writes them
  std::int64_t a_stride;        // in bytes
  const Int8Scale* row_scale;   // (rows)
  const std::int8_t* b;         // (steps, panel_cols, step_depth)
  const std::int32_t* col_sum;  // (panel_cols), of b over k
  const float* col_scale;       // (panel_cols)
  const float* bias;            // (panel_cols)
  float* c;                     // (rows, cols), written
  std::int64_t c_stride;        // in floats
  std::int64_t steps;
  std::int64_t cols;  // 1 .. panel_cols
  // What later tiles will read, brought to the L2 cache as Tile in kernels.h says; in bytes.
  const std::int8_t* prefetch;
  std::int64_t prefetch_stride;
  std::int64_t prefetch_lines;
  std::int64_t prefetch_steps;
};

inline constexpr int kLargestInt8Tile = 16;

struct Int8Kernels {
  const char* name;  // e.g. "native avx512 vpmaddwd 14x32"
  std::int64_t panel_cols;
  std::int64_t max_rows;    // of a tile
  std::int64_t step_depth;  // values of k in a group of four bytes of a: 2 or 4
  void (*tile[kLargestInt8Tile])(const Int8Tile&);  // [rows - 1]
  /// x = scale * q, scale = (high - low) / 255, high = max(x, 0), low = min(x, 0), zero =
  /// round(-low / scale), q[k] = min(round(x[k] / scale), 255 - zero), to nearest even. Writes
  /// q + zero as bytes (step_depth 4) or q as 16-bit integers (2), then q = 0 up to whole 64 bytes.
  /// A row with a NaN or infinity gives q = 0 and the scale NaN; one with high - low below 1e-30
  /// q = 0 and the scale 0.
  Int8Scale (*quantize)(const float* x, std::int64_t depth, std::byte* out);
  /// q[k] = round(x[k] / scale), to nearest even, scale = max|x| / 127, which is returned; NaN,
  /// infinity and nothing as above. Writes `depth` signed bytes.
  float (*quantize_weights)(const float* x, std::int64_t depth, std::int8_t* out);
  double (*peak)(std::int64_t rounds, float* sink);  // as peak_loops.h says
};

/// c = activation(...) + residual in columns [first_col, last_col), what is activated as in
/// Int8Tile.
struct Int8Call {
  const float* a;         // (rows, depth), any alignment; nothing else is read
  std::int64_t a_stride;  // in floats, as all strides here
  const std::int8_t* b;   // (panels, steps of 64 k, 16, panel_cols, 4), zeros beyond depth and cols
  const std::int32_t* col_sum;  // (panels, panel_cols), of b over k
  const float* col_scale;       // (panels, panel_cols)
  const float* bias;            // (panels, panel_cols)
  float* c;                     // (rows, out_features)
  std::int64_t c_stride;
  const float* residual;  // as c; null: none
  std::int64_t residual_stride;
  std::int64_t rows;
  std::int64_t depth;
  std::int64_t first_col;  // a multiple of panel_cols
  std::int64_t last_col;   // likewise, or out_features
  Activation activation;
  std::byte* scratch;  // scratch_bytes(rows, depth), 64-byte aligned
};

/// The products of a level with tile registers. Their bits are those of vpdpbusd.
struct Int8TileKernels {
  static constexpr std::int64_t kStepDepth = 4;    // k in a group of b
  static constexpr std::int64_t kDepthGrain = 64;  // k of b is padded to whole tiles with zeros
  const char* name;
  std::int64_t panel_cols;
  std::size_t (*scratch_bytes)(std::int64_t rows, std::int64_t depth);
  void (*multiply)(const Int8Call&);
  float (*quantize_weights)(const float* x, std::int64_t depth, std::int8_t* out);
  double (*peak)(std::int64_t rounds, float* sink);  // as peak_loops.h says
};

extern const Int8TileKernels kInt8KernelsAmx;

/// The panel kernels of a level (of AMX: those of VNNI). Whether the processor can run it is
/// isa.h's question.
const Int8Kernels& int8_kernels(Isa isa) noexcept;

}  // namespace weft::gemm
