#include "ops/gemm/product.h"

#include <fmt/format.h>

#include "ops/gemm/kernels.h"
#include "ops/gemm/kernels_int8.h"
#include "ops/gemm/native.h"
#include "ops/gemm/native_bf16.h"
#include "ops/gemm/native_int8.h"
#include "ops/gemm/onednn.h"
#include "weft/error.h"

namespace weft {

bool product_available(GemmBackend backend, ComputeType dtype) noexcept {
  return dtype == ComputeType::kF32 || backend == GemmBackend::kNative;
}

std::unique_ptr<Product> make_product(GemmBackend backend, Isa isa, ComputeType dtype,
                                      const std::vector<ProductPart>& parts, Activation activation,
                                      PackStore* store) {
  if (!product_available(backend, dtype)) {
    throw Error(Reason::kUnsupported,
                fmt::format("[linear] {}: dtype: {} is not supported with {} products",
                            parts[0].weight.name(), to_string(dtype), to_string(backend)));
  }
  if (backend == GemmBackend::kOneDnn) return gemm::make_onednn_product(isa, parts, activation);
  if (dtype == ComputeType::kBf16) {
    return gemm::make_bf16_product(gemm::bf16_kernels(isa), parts, activation, store);
  }
  if (dtype == ComputeType::kInt8) {
    return gemm::make_native_int8_product(isa, parts, activation, store);
  }
  return gemm::make_native_product(isa, parts, activation, store);
}

std::string product_layout(Isa isa, ComputeType dtype) {
  const auto text = [&](const auto& kernels) {
    return fmt::format("{} {} {}", to_string(dtype), kernels.name, kernels.panel_cols);
  };
  switch (dtype) {
    case ComputeType::kF32: break;
    case ComputeType::kBf16: return text(gemm::bf16_kernels(isa));
    case ComputeType::kInt8:
      return isa == Isa::kAmx ? text(gemm::kInt8KernelsAmx) : text(gemm::int8_kernels(isa));
  }
  return text(gemm::kernels(isa));
}

}  // namespace weft
