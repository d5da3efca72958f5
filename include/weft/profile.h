// What a profiled run cost, op by op. Off unless a Profile is attached to a session.
#pragma once

#include <cstdint>
#include <filesystem>
#include <mutex>
#include <string>
#include <vector>

#include "weft/export.h"
#include "weft/types.h"

namespace weft {

/// Totals of one node of the graph over all profiled runs.
struct OpProfile {
  std::string name;        ///< operator and weight, e.g. "linear encoder.layer.0.output.dense"
  std::string kind;        ///< operator alone, e.g. "linear"
  std::int64_t calls = 0;  ///< runs of blocks or items
  double seconds = 0;      ///< summed over threads
  double flops = 0;
  double bytes = 0;  ///< activations read and written, and weights read
};

/// One stretch of work on one thread, for a timeline.
struct TraceEvent {
  std::int32_t node = 0;  ///< index into ops()
  std::int32_t thread = 0;
  std::int64_t begin_ns = 0;  ///< since the profile was made
  std::int64_t end_ns = 0;
};

/// Filled by Session::run; read it when no run is under way.
class WEFT_API Profile {
 public:
  /// keep_events = 0: totals only; else the first that many events are kept for a trace.
  explicit Profile(std::size_t keep_events = 0);

  const std::vector<OpProfile>& ops() const noexcept { return ops_; }
  const std::vector<TraceEvent>& events() const noexcept { return events_; }
  double wall_seconds() const noexcept { return wall_seconds_; }
  void clear();
  /// Chrome trace format (chrome://tracing, Perfetto). Throws Error(kIoError).
  void write_chrome_trace(const std::filesystem::path& file) const;

 private:
  friend class ProfileRecorder;
  std::mutex mutex_;
  std::vector<OpProfile> ops_;
  std::vector<TraceEvent> events_;
  std::size_t keep_events_ = 0;
  std::int64_t epoch_ns_ = 0;
  double wall_seconds_ = 0;
};

/// Measured peaks of this machine, the yardstick of a profile.
struct MachinePeak {
  double flops_per_second = 0;  ///< f32 FMA loops on every thread at once
  /// The same of the arithmetic that products in the precision asked for are made of: dot products
  /// or tile products where the level has them. In f32 equal to the one above.
  double product_flops_per_second = 0;
  double bytes_per_second = 0;  ///< stream read, all threads, a buffer larger than L2
};
/// Takes about 0.2 s, with the kernels of `isa`. `threads` as in SessionLimits.
WEFT_API MachinePeak measure_peak(Isa isa, int threads, ComputeType dtype = ComputeType::kF32);

}  // namespace weft
