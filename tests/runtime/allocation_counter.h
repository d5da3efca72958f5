// Counts the program's heap allocations, to show that a warm run makes none.
#pragma once

#include <cstdint>

namespace weft::test {

/// Calls of operator new on any thread since the program began.
std::int64_t allocations();

}  // namespace weft::test
