// Extended grapheme clusters (UAX #29), as the reference's segmentation has them.
#pragma once

#include <cstddef>
#include <span>

#include "runtime/text/characters.h"

namespace weft {

/// The end of the cluster that begins at index `begin` < size. Regional indicators are never put in
/// pairs: what is asked here is whether a cluster is shorter than six bytes, which a pair is not.
std::size_t cluster_end(std::span<const Character> text, std::size_t begin) noexcept;

}  // namespace weft
