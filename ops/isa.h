// Which instruction-set levels the processor and operating system offer, and which one to use.
#pragma once

#include <vector>

#include "weft/types.h"

namespace weft {

/// CPUID and XGETBV: the level's instructions exist and the system saves their registers.
bool isa_available(Isa isa) noexcept;

}  // namespace weft
