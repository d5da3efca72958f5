#include "ops/gemm/tiles_emulated.inl"
#include "ops/simd/bf16_products.inl"
#include "tests/ops/emulated_attention.h"

namespace weft::simd {
namespace {

using Bf16Products = TileProducts<gemm::EmulatedTiles>;
constexpr char kBf16AttentionName[] = "attention emulated tiles 32x32 bf16";

}  // namespace
}  // namespace weft::simd

#include "ops/simd/bf16_attention.inl"

namespace weft::simd {

const AttentionKernels kBf16AttentionEmulated = kBf16Attention;

}  // namespace weft::simd
