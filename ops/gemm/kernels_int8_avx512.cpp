#include "ops/gemm/kernels_int8.h"

namespace weft::gemm {
namespace {

constexpr char kName[] = "native int8 avx512 vpmaddwd 13x32";
constexpr int kVectors = 2;
// 26 accumulators, 2 vectors of b, 1 group of a, products: 32 registers
constexpr int kMaxRows = 13;

}  // namespace
}  // namespace weft::gemm

#include "ops/gemm/kernels_int8.inl"

namespace weft::gemm {

extern const Int8Kernels kInt8KernelsAvx512;
const Int8Kernels kInt8KernelsAvx512 = make_table();

}  // namespace weft::gemm
