#include "ops/gemm/kernels.h"

namespace weft::gemm {
namespace {

constexpr char kName[] = "native avx2 6x16";
constexpr int kVectors = 2;
// 12 accumulators, 2 vectors of b, 1 broadcast: 15 of 16 registers
constexpr int kMaxRows = 6;
// 24 KiB of b, which stay in the L1 cache
constexpr std::int64_t kMostDepth = 384;

}  // namespace
}  // namespace weft::gemm

#include "ops/gemm/kernels.inl"

namespace weft::gemm {

extern const Kernels kKernelsAvx2;
const Kernels kKernelsAvx2 = make_table();

}  // namespace weft::gemm
