// The driver of tile products over tiles in portable code: what it packs, cuts and finishes can be
// tested on machines without AMX.
#pragma once

#include "ops/gemm/bf16_kernels.h"
#include "ops/gemm/kernels_int8.h"

namespace weft::gemm {

extern const Bf16Kernels kBf16KernelsEmulated;
extern const Int8TileKernels kInt8KernelsEmulated;

}  // namespace weft::gemm
