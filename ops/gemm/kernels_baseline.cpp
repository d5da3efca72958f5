#include "ops/gemm/kernels.h"

namespace weft::gemm {
namespace {

constexpr char kName[] = "native baseline 6x8";
constexpr int kVectors = 2;
// 12 accumulators, 2 vectors of b, broadcast, product: 16 registers
constexpr int kMaxRows = 6;
// 24 KiB of b, which stay in the L1 cache
constexpr std::int64_t kMostDepth = 768;

}  // namespace
}  // namespace weft::gemm

#include "ops/gemm/kernels.inl"

namespace weft::gemm {

extern const Kernels kKernelsBaseline;
const Kernels kKernelsBaseline = make_table();

}  // namespace weft::gemm
