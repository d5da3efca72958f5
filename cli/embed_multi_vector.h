// weft embed --multi-vector: a vector per token.
#pragma once

#include <string>

#include "cli/arguments.h"
#include "weft/transformer_model.h"

namespace weft::cli {

/// The rest of `weft embed` when --multi-vector is given.
void embed_multi_vector(const Arguments& arguments, const LoadOptions& load,
                        const std::string& directory, const std::string& output_name);

}  // namespace weft::cli
