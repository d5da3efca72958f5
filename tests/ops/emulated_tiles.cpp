#include "tests/ops/emulated_tiles.h"

#include "ops/gemm/tiles_emulated.inl"

namespace weft::gemm {
namespace {

using Tiles = EmulatedTiles;
constexpr char kBf16Name[] = "emulated tiles 32x32 bf16";

}  // namespace
}  // namespace weft::gemm

#include "ops/gemm/amx_kernels.inl"

namespace weft::gemm {

const Bf16Kernels kBf16KernelsEmulated = kBf16Table;

}  // namespace weft::gemm
