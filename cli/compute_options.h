// The options of every command that computes: --dtype, --attention-dtype, --threads, --isa, --gemm,
// --cache, --cache-verify.
#pragma once

#include <vector>

#include "cli/arguments.h"
#include "weft/transformer_model.h"

namespace weft::cli {

/// `own`, followed by the options of every command that computes.
std::vector<Option> with_compute_options(std::vector<Option> own);

/// What they say. Throws UsageError for a value that is none, and Error(kUnsupported) for one that
/// weft knows but this build or machine lacks.
LoadOptions load_options(const Arguments& arguments);

}  // namespace weft::cli
