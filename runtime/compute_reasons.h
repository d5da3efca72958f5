// Why a model is computed as it is, in the words of `weft info`.
#pragma once

#include <string>

#include "weft/model.h"

namespace weft {

std::string isa_reason(const CompileOptions& options);
std::string dtype_reason(const Model& model);      ///< what else there is; empty for kF32
std::string attention_reason(const Model& model);  ///< empty where attention is in kF32

}  // namespace weft
