#include "ops/gemm/kernels.h"

namespace weft::gemm {
namespace {

constexpr char kName[] = "native avx2 6x16";
constexpr char kBf16Name[] = "native avx2 6x16, bf16 weights";
constexpr int kVectors = 2;
// 12 accumulators, 2 vectors of b, 1 broadcast: 15 of 16 registers
constexpr int kMaxRows = 6;
// 24 KiB of b, which stay in the L1 cache
constexpr std::int64_t kMostDepth = 384;

}  // namespace
}  // namespace weft::gemm

#include "ops/gemm/bf16_kernels.inl"
#include "ops/gemm/kernels.inl"

namespace weft::gemm {

extern const Kernels kKernelsAvx2;
const Kernels kKernelsAvx2 = make_table();

extern const Bf16Kernels kBf16KernelsAvx2;
const Bf16Kernels kBf16KernelsAvx2 = kBf16Table;

}  // namespace weft::gemm
