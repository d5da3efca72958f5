#include "ops/simd/bf16_products.inl"

namespace weft::simd {
namespace {

using Bf16Products = PairProducts;
constexpr char kBf16AttentionName[] = "attention avx512_bf16 8x32 bf16";

}  // namespace
}  // namespace weft::simd

#include "ops/simd/bf16_attention.inl"

namespace weft::simd {

extern const AttentionKernels kBf16AttentionAvx512;
const AttentionKernels kBf16AttentionAvx512 = kBf16Attention;

}  // namespace weft::simd
