#include "ops/op.h"

#include "ops/simd/kernels.h"

namespace weft {

CompileContext make_compile_context(Isa isa, GemmBackend gemm, ComputeType dtype) noexcept {
  return {isa, gemm, dtype, simd::kernels(isa)};
}

}  // namespace weft
