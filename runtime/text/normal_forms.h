// Unicode normal forms (UAX #15) of characters with sources, on the package's own tables.
#pragma once

#include <cstdint>

#include "runtime/text/characters.h"

namespace weft {

enum class Decomposition : std::uint8_t { kCanonical, kCompatible };

/// NFD or NFKD.
void decompose(Characters& text, Decomposition kind);
/// NFC or NFKC.
void compose(Characters& text, Decomposition kind);

}  // namespace weft
