#include "ops/gemm/kernels.h"

namespace weft::gemm {
namespace {

constexpr char kName[] = "native baseline 6x8";
constexpr int kVectors = 2;
constexpr int kMaxRows =
    6;  // 12 accumulators, 2 vectors of b, 1 broadcast, 1 product: 16 registers

}  // namespace
}  // namespace weft::gemm

#include "ops/gemm/kernels.inl"

namespace weft::gemm {

extern const Kernels kKernelsBaseline;
const Kernels kKernelsBaseline = make_table();

}  // namespace weft::gemm
