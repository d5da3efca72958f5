#include "ops/gemm/kernels.h"

namespace weft::gemm {
namespace {

constexpr char kName[] = "native avx512 14x32";
constexpr char kBf16Name[] = "native avx512 14x32, bf16 weights";
constexpr int kVectors = 2;
// 28 accumulators, 2 vectors of b, 1 broadcast: 31 of 32 registers
constexpr int kMaxRows = 14;
// 96 KiB of b: at K = 3072 3 % faster than all of it, than 384 too
constexpr std::int64_t kMostDepth = 768;

}  // namespace
}  // namespace weft::gemm

#include "ops/gemm/bf16_kernels.inl"
#include "ops/gemm/kernels.inl"

namespace weft::gemm {

extern const Kernels kKernelsAvx512;
const Kernels kKernelsAvx512 = make_table();

extern const Bf16Kernels kBf16KernelsAvx512;
const Bf16Kernels kBf16KernelsAvx512 = kBf16Table;

}  // namespace weft::gemm
