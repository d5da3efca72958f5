// One caller's mutable state for a Model: a plan and an arena, made once for given limits.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weft/model.h"
#include "weft/tensor.h"

namespace weft {

class Profile;

/// What one row space of a session is planned for, where it differs from the others.
struct RowLimits {
  RowSpace rows;
  std::int64_t tokens = 0;     ///< rows over all sequences; of states: the rows there are
  std::int64_t sequences = 1;  ///< not looked at for states
  std::int64_t longest = 0;    ///< rows of the longest sequence; 0: as many as tokens
};

/// What a session is planned for; a run within them allocates nothing.
struct SessionLimits {
  std::int64_t tokens = 4096;  ///< rows over all sequences of each ragged row space
  std::int64_t sequences = 256;
  std::int64_t longest = 512;          ///< rows of the longest sequence
  int threads = 0;                     ///< 0: default_threads()
  std::vector<RowLimits> spaces = {};  ///< those with limits of their own; every state's is here
};

/// Rows of a chunk for each thread, at which a layer's activations stay in the last-level cache.
inline constexpr std::int64_t kTokensPerThread = 512;

/// min(processors in the affinity mask, cgroup v1/v2 quota rounded up), at least 1.
WEFT_API int default_threads();
/// The same in words, e.g. "2 (affinity allows 2, no cgroup quota)".
WEFT_API std::string default_threads_reason();

/// When to give up. Looked at before every stretch of operators (at least once per layer).
struct StopCondition {
  const std::atomic<bool>* cancel = nullptr;  ///< set by any thread
  std::optional<std::chrono::steady_clock::time_point> deadline;
};

/// One named input of a run: stacked rows in C order, not owned, alive until run() returns.
struct Input {
  std::string_view name;
  std::span<const float> f32;         ///< rows x cols, for Graph::input
  std::span<const std::int32_t> i32;  ///< rows, for Graph::input_ids

  Input(std::string_view input_name, std::span<const float> values)
      : name(input_name), f32(values) {}
  Input(std::string_view input_name, std::span<const std::int32_t> values)
      : name(input_name), i32(values) {}
};

/// The sequences of one ragged row space: sequence i has rows [offsets[i], offsets[i + 1]).
struct RaggedRows {
  RowSpace rows;
  std::span<const std::int32_t> offsets;  ///< sequences + 1 entries, from 0, rising
};

class WEFT_API Session {
 public:
  /// Plans for `limits` and the outputs named (none: all but attention weights). Throws Error:
  /// kInvalidArgument, kResourceExhausted.
  Session(std::shared_ptr<const Model> model, const SessionLimits& limits,
          std::vector<std::string> outputs = {});
  ~Session();
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;

  /// Runs the graph. Throws Error(kInvalidArgument / kOutOfRange) before anything is computed if an
  /// input is missing, offsets are not 0 .. rising, an id is outside its table or a limit is
  /// passed; Error(kCancelled / kDeadlineExceeded) in between. The session stays usable.
  void run(std::span<const RaggedRows> rows, std::span<const Input> inputs,
           const StopCondition& stop = {});
  /// An output of the last run: a view into the arena, valid until the next run. Attention weights:
  /// (query rows, heads * longest key sequence of this run), zeros beyond a sequence's own keys.
  Tensor output(std::string_view name) const;

  /// Runs use at most this many threads, 1 .. limits.threads. Never changes a result.
  void set_threads(int threads);
  /// Collects timings of later runs into `profile` (not owned; null: none).
  void set_profile(Profile* profile);

  const SessionLimits& limits() const noexcept;
  std::size_t memory_bytes() const noexcept;  ///< the arena
  /// What a session of these limits would hold, before anything is allocated.
  static std::size_t memory_bytes(const Model& model, const SessionLimits& limits,
                                  std::vector<std::string> outputs = {});

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace weft
