// Products with weights in bfloat16, per instruction set. One layout of packed weights serves every
// level: panels of columns in which pairs of k lie side by side, as dot products and tiles want it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "weft/types.h"

namespace weft::gemm {

/// Steps of k that packed weights are padded to with zeros: one tile's.
inline constexpr std::int64_t kBf16DepthGrain = 32;

/// c = activation(a W^T + bias) + residual in columns [first_col, last_col). Sums are f32, and the
/// order in which an element's terms are added follows from the depth alone.
struct Bf16Call {
  const float* a;          // (rows, depth), any alignment; nothing else is read
  std::int64_t a_stride;   // in floats, as all strides here
  const std::uint16_t* b;  // (panels, padded depth / 2, panel_cols, 2), zeros beyond depth and cols
  const float* bias;       // (panels, panel_cols)
  float* c;                // (rows, out_features)
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

struct Bf16Kernels {
  const char* name;  // e.g. "native amx 32x32 bf16"
  std::int64_t panel_cols;
  std::size_t (*scratch_bytes)(std::int64_t rows, std::int64_t depth);
  void (*multiply)(const Bf16Call&);
  double (*peak)(std::int64_t rounds, float* sink);  // as peak_loops.h says
};

/// The table of a level. Below kAvx512Bf16 the weights are widened and the products are those of
/// f32; from there on the activations are rounded to bfloat16 as well, to nearest even, subnormals
/// taken as zero.
const Bf16Kernels& bf16_kernels(Isa isa) noexcept;

}  // namespace weft::gemm
