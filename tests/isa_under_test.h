// The instruction-set level that this test program was asked to test.
#pragma once

#include "weft/types.h"

namespace weft::test {

/// The level that WEFT_ISA names, else the best that the machine has.
Isa isa_under_test();

}  // namespace weft::test
