#include "ops/gemm/tiles_hardware.inl"
#include "ops/simd/bf16_products.inl"

namespace weft::simd {
namespace {

using Bf16Products = TileProducts<gemm::HardwareTiles>;
constexpr char kBf16AttentionName[] = "attention amx 32x32 bf16";

}  // namespace
}  // namespace weft::simd

#include "ops/simd/bf16_attention.inl"

namespace weft::simd {

extern const AttentionKernels kBf16AttentionAmx;
const AttentionKernels kBf16AttentionAmx = kBf16Attention;

}  // namespace weft::simd
