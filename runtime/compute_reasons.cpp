#include "runtime/compute_reasons.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdlib>
#include <vector>

namespace weft {

std::string isa_reason(const CompileOptions& options) {
  if (options.isa) return "asked for";
  const char* forced = std::getenv("WEFT_ISA");
  if (forced != nullptr && *forced != '\0') return "WEFT_ISA";
  std::vector<std::string> names;
  for (Isa isa : available_isas()) names.emplace_back(to_string(isa));
  return fmt::format("the best of [{}], which this processor has", fmt::join(names, ", "));
}

std::string dtype_reason(const Model& model) {
  const ComputeType dtype = model.dtype();
  if (dtype == ComputeType::kF32) return {};
  const char* what = "products of tokens";
  if (dtype == ComputeType::kBf16 && model.isa() < Isa::kAvx512Bf16) {
    what = "the weights of tokens' products alone, as this level has no bf16 arithmetic";
  }
  const char* attention = model.attention_dtype() == ComputeType::kF32 ? " attention," : "";
  return fmt::format("{}; f32: embeddings,{} LayerNorm, pooling and what follows it", what,
                     attention);
}

std::string attention_reason(const Model& model) {
  return model.attention_dtype() == ComputeType::kF32
             ? ""
             : "asked for: both products; f32: scale, positions, softmax";
}

}  // namespace weft
