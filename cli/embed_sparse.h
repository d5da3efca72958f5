// weft embed --sparse: SPLADE vectors of a masked LM.
#pragma once

#include <string>

#include "cli/arguments.h"
#include "weft/transformer_model.h"

namespace weft::cli {

/// Throws UsageError for options that only dense vectors have, and what embed() throws.
void embed_sparse(const Arguments& arguments, const LoadOptions& load, const std::string& directory,
                  const std::string& output);

}  // namespace weft::cli
