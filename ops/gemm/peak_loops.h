// Loops of the arithmetic that products in a reduced precision are made of, on registers alone: the
// roofs that their rates are compared with.
#pragma once

#include <cstdint>

#include "weft/types.h"

namespace weft::gemm {

/// Does `rounds` rounds of independent chains, writes something that depends on all of them and
/// returns how many operations that was: two for each multiply-add.
using PeakLoop = double (*)(std::int64_t rounds, float* sink);

/// Null where products are made of f32 multiply-adds: in f32, and in bf16 below kAvx512Bf16.
PeakLoop peak_loop(Isa isa, ComputeType dtype) noexcept;

}  // namespace weft::gemm
