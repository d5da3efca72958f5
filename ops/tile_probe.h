// The part of ops/isa.h that runs instructions to know whether they work.
#pragma once

namespace weft {

/// Asks the system for this process's tile registers and computes a tile product in a child
/// process. To be called only where CPUID and XGETBV offer AMX TILE, BF16 and INT8.
bool tiles_work() noexcept;

}  // namespace weft
