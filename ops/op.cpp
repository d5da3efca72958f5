#include "ops/op.h"

#include "ops/simd/kernels.h"

namespace weft {

bool attention_available(Isa isa, ComputeType dtype, ComputeType attention) noexcept {
  if (attention == ComputeType::kF32) return true;
  return attention == ComputeType::kBf16 && dtype != ComputeType::kF32 &&
         simd::bf16_attention(isa) != nullptr;
}

CompileContext make_compile_context(Isa isa, GemmBackend gemm, ComputeType dtype,
                                    ComputeType attention) noexcept {
  CompileContext context{isa, gemm, dtype, simd::kernels(isa)};
  if (attention == ComputeType::kBf16) {
    context.attention = simd::bf16_attention(isa);
  } else if (context.kernels != nullptr) {
    context.attention = &context.kernels->attention;
  }
  return context;
}

}  // namespace weft
