// The one way to run a plan: every thread of a team walks the same stages.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

#include "ops/parallel.h"
#include "runtime/plan.h"
#include "weft/session.h"

namespace weft {

class ProfileRecorder;

/// What one run binds: made by Session, read by all threads.
struct RunState {
  std::vector<Tensor> values;       // per value: all its rows (kBlock: data is set per block)
  std::vector<std::int64_t> rows;   // per row space
  std::vector<RowsView> views;      // per row space
  std::vector<std::byte*> blocks;   // per thread, Plan::block_bytes
  std::vector<std::byte*> scratch;  // per thread, Plan::scratch_bytes
  std::vector<std::atomic<std::int64_t>> counters;  // per stage: the next block or item
  StopCondition stop;
  ProfileRecorder* profile = nullptr;  // null: off

  // Per thread, so that binding a node allocates nothing.
  struct Binding {
    std::vector<Tensor> in, out;
    std::vector<RowsView> in_rows;
  };
  std::vector<Binding> bindings;
};

enum class RunResult : std::uint8_t { kDone, kCancelled, kDeadlineExceeded };

/// Runs all stages on at most `threads` threads of `team`. Allocates nothing, throws nothing.
///
/// A chain with many rows is cut into blocks of rows, each taken through all its nodes by one
/// thread while its activations are in that thread's cache. A chain with few rows is run node by
/// node, the columns of each product (or the rows of another op) shared by all threads. Which of
/// the two is chosen cannot change a bit, because every op computes a row alike in both.
RunResult execute(const Model::Impl& model, const Plan& plan, RunState& state, Team& team,
                  int threads) noexcept;

}  // namespace weft
