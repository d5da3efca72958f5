// Which instruction-set levels the processor and operating system offer, and which one to use.
#pragma once

#include <vector>

#include "weft/types.h"

namespace weft {

/// CPUID and XGETBV: the level's instructions exist and the system saves their registers. For AMX
/// the first call asks the system for the tile registers, which this process and its children then
/// have, and tries a product in a child process, as a virtual machine may offer tiles and fault.
bool isa_available(Isa isa) noexcept;

}  // namespace weft
