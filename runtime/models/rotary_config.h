// How config.json describes rotary position embeddings (Su et al. 2021), in both generations of its
// keys.
#pragma once

#include <cstdint>

#include "runtime/config.h"
#include "weft/positions.h"

namespace weft {

/// The longest sequence of rotary models: a table of angles is held for every position.
inline constexpr std::int64_t kMostRotaryPositions = 1 << 17;

/// `rope_parameters`, else `rope_theta` and `rope_scaling`: the types default, linear, ntk (fixed,
/// as GTE's checkpoints compute it) and dynamic, which is default up to max_position_embeddings.
/// Throws Error(kUnsupported / kInvalidArgument) naming the key.
RotaryTableOptions read_rotary(const Config& config, double default_theta, std::int64_t head_size);

/// The same from one object of such keys; `theta` is for where it has no rope_theta.
RotaryTableOptions read_rotary_section(const Config& section, double theta, std::int64_t head_size);

/// The object under `key` as a config of its own. Throws Error(kInvalidArgument).
Config section_of(const Config& config, std::string_view key);

}  // namespace weft
