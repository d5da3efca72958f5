#include "ops/op.h"

#include "ops/simd/kernels.h"

namespace weft {

CompileContext make_compile_context(Isa isa, GemmBackend gemm) noexcept {
  return {isa, gemm, simd::kernels(isa)};
}

}  // namespace weft
