#include "ops/gemm/peak_loops.h"

#include "ops/gemm/bf16_kernels.h"
#include "ops/gemm/kernels_int8.h"

namespace weft::gemm {

PeakLoop peak_loop(Isa isa, ComputeType dtype) noexcept {
  if (dtype == ComputeType::kBf16) return bf16_kernels(isa).peak;
  if (dtype != ComputeType::kInt8) return nullptr;
  return isa == Isa::kAmx ? kInt8KernelsAmx.peak : int8_kernels(isa).peak;
}

}  // namespace weft::gemm
