#include "ops/gemm/kernels_int8.h"

namespace weft::gemm {
namespace {

constexpr char kName[] = "native int8 avx512_vnni vpdpbusd 14x32";
constexpr int kVectors = 2;
// 28 accumulators, 2 vectors of b, 1 group of a: 31 of 32 registers
constexpr int kMaxRows = 14;

}  // namespace
}  // namespace weft::gemm

#include "ops/gemm/kernels_int8.inl"

namespace weft::gemm {

extern const Int8Kernels kInt8KernelsAvx512Vnni;
const Int8Kernels kInt8KernelsAvx512Vnni = make_table();

}  // namespace weft::gemm
