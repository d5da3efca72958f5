#include "ops/gemm/bf16_kernels.h"

namespace weft::gemm {
namespace {

constexpr char kBf16Name[] = "native avx512_bf16 14x32";
constexpr int kVectors = 2;
// 28 accumulators, 2 vectors of b, 1 broadcast: 31 of 32 registers
constexpr int kMaxRows = 14;

}  // namespace
}  // namespace weft::gemm

#include "ops/gemm/bf16_kernels.inl"

namespace weft::gemm {

extern const Bf16Kernels kBf16KernelsAvx512Bf16;
const Bf16Kernels kBf16KernelsAvx512Bf16 = kBf16Table;

}  // namespace weft::gemm
