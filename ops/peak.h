// The roofs of this machine, measured with the kernels in use.
#pragma once

#include "ops/parallel.h"
#include "weft/types.h"

namespace weft {

struct Peak {
  double flops_per_second = 0;          // f32 multiply-adds on all threads at once
  double product_flops_per_second = 0;  // the same of what products in `dtype` are made of
  double bytes_per_second = 0;  // reading a buffer that no L2 cache holds, all threads at once
};

/// Takes about 0.2 s on `threads` threads of the team. In a reduced precision products are made of
/// dot products or tile products where the level has them, of widened multiply-adds where not.
/// Throws Error(kResourceExhausted).
Peak measure_peak(Isa isa, ComputeType dtype, Team& team, int threads);

}  // namespace weft
