// What a session decides once: which nodes run, in which stretches, and where every value lies.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "runtime/model_impl.h"
#include "weft/session.h"

namespace weft {

/// A span of memory needed from step `begin` to step `end`, both included.
struct Interval {
  std::int64_t begin = 0;
  std::int64_t end = 0;
  std::size_t size = 0;
};

struct Layout {
  std::vector<std::size_t> offsets;  // per interval
  std::size_t total = 0;
};

/// Gives each interval an offset such that intervals alive at the same step never overlap: largest
/// first, each at the lowest offset that is free.
Layout lay_out(std::span<const Interval> intervals);

/// Where a value lies during a run. Views lie where their base does.
struct Placement {
  enum class Kind : std::uint8_t {
    kNowhere,   // not computed
    kInput,     // the caller's memory
    kConstant,  // the model's memory
    kArena,     // all rows, shared by the threads; offset in bytes
    kBlock,     // one block of rows, one per thread; offset in bytes per row of the block
  };
  Kind kind = Kind::kNowhere;
  std::size_t offset = 0;
  std::int64_t stride = 0;  // elements; per-key values: as wide as the run needs
};

/// A stretch of nodes with one barrier at its end.
struct Stage {
  enum class Kind : std::uint8_t {
    kChain,   // row-wise nodes over one row space: a thread takes a block of rows through all
    kMixing,  // one node that mixes rows: threads take its items
  };
  Kind kind = Kind::kChain;
  std::int32_t space = -1;          // chain: its rows
  std::vector<std::int32_t> nodes;  // indices into Model::Impl::nodes
};

struct Plan {
  std::vector<Stage> stages;
  std::vector<Placement> values;
  std::vector<char> spaces_used;  // per row space: whether a node that runs reads or writes in it
  std::int64_t block_rows = 0;    // most rows of a block
  std::size_t arena_bytes = 0;    // full-size values
  std::size_t block_bytes = 0;    // per thread
  std::size_t scratch_bytes = 0;  // per thread, the largest op's
  std::size_t total_bytes(int threads) const {
    return arena_bytes + static_cast<std::size_t>(threads) * (block_bytes + scratch_bytes);
  }
};

/// The limits of a row space: its own, or those of all. For fixed rows and states the number of
/// rows is `tokens`, 0 for a state that has no limits.
RowLimits limits_of(const Model::Impl& model, const SessionLimits& limits, std::int32_t space);

/// `outputs`: names asked for. Throws Error(kInvalidArgument) for an unknown name,
/// Error(kResourceExhausted) when sizes overflow.
Plan make_plan(const Model::Impl& model, const SessionLimits& limits,
               const std::vector<std::string>& outputs);

}  // namespace weft
