#include "ops/gemm/tiles_hardware.inl"

namespace weft::gemm {
namespace {

using Tiles = HardwareTiles;
constexpr char kBf16Name[] = "native amx 32x32 bf16";

}  // namespace
}  // namespace weft::gemm

#include "ops/gemm/amx_kernels.inl"

namespace weft::gemm {

extern const Bf16Kernels kBf16KernelsAmx;
const Bf16Kernels kBf16KernelsAmx = kBf16Table;

}  // namespace weft::gemm
