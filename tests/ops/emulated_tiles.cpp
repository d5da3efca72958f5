#include "tests/ops/emulated_tiles.h"

#include "ops/gemm/tiles_emulated.inl"

namespace weft::gemm {
namespace {

using Tiles = EmulatedTiles;
constexpr char kBf16Name[] = "emulated tiles 32x32 bf16";
constexpr char kInt8Name[] = "emulated tiles 32x32 int8";

}  // namespace
}  // namespace weft::gemm

#include "ops/gemm/amx_bf16.inl"
#include "ops/gemm/amx_int8.inl"

namespace weft::gemm {

const Bf16Kernels kBf16KernelsEmulated = kBf16Table;
const Int8TileKernels kInt8KernelsEmulated = kInt8Table;

}  // namespace weft::gemm
