// The real all-MiniLM-L6-v2, for the tests that need more than tiny random models.
#pragma once

#include "weft/encoder.h"

namespace weft::test {

/// Loads it for the level under test, or ends the program with the exit code that ctest reports as
/// a skip where scripts/fetch_model.sh has not brought it.
Encoder load_minilm(ComputeType dtype = ComputeType::kF32,
                    ComputeType attention = ComputeType::kF32);

}  // namespace weft::test
