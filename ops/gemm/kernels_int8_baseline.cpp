#include "ops/gemm/kernels_int8.h"

namespace weft::gemm {
namespace {

constexpr char kName[] = "native int8 baseline pmaddwd 6x8";
constexpr int kVectors = 2;
// 12 accumulators, 2 vectors of b, 1 group of a, 1 product: 16 registers
constexpr int kMaxRows = 6;

}  // namespace
}  // namespace weft::gemm

#include "ops/gemm/kernels_int8.inl"

namespace weft::gemm {

extern const Int8Kernels kInt8KernelsBaseline;
const Int8Kernels kInt8KernelsBaseline = make_table();

}  // namespace weft::gemm
