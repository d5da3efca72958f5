#include "ops/gemm/kernels.h"

namespace weft::gemm {
namespace {

constexpr char kName[] = "native baseline 6x8";
constexpr char kBf16Name[] = "native baseline 6x8, bf16 weights";
constexpr int kVectors = 2;
// 12 accumulators, 2 vectors of b, broadcast, product: 16 registers
constexpr int kMaxRows = 6;
// 24 KiB of b, which stay in the L1 cache
constexpr std::int64_t kMostDepth = 768;

}  // namespace
}  // namespace weft::gemm

#include "ops/gemm/bf16_kernels.inl"
#include "ops/gemm/kernels.inl"

namespace weft::gemm {

extern const Kernels kKernelsBaseline;
const Kernels kKernelsBaseline = make_table();

extern const Bf16Kernels kBf16KernelsBaseline;
const Bf16Kernels kBf16KernelsBaseline = kBf16Table;

}  // namespace weft::gemm
