#include "ops/gemm/tiles_hardware.inl"

namespace weft::gemm {
namespace {

using Tiles = HardwareTiles;
constexpr char kBf16Name[] = "native amx 32x32 bf16";
constexpr char kInt8Name[] = "native int8 amx 32x32";

}  // namespace
}  // namespace weft::gemm

#include "ops/gemm/amx_bf16.inl"
#include "ops/gemm/amx_int8.inl"

namespace weft::gemm {

extern const Bf16Kernels kBf16KernelsAmx;
const Bf16Kernels kBf16KernelsAmx = kBf16Table;
const Int8TileKernels kInt8KernelsAmx = kInt8Table;

}  // namespace weft::gemm
