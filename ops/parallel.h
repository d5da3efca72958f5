// Threads that run one function together. The executor is that one function; there is no
// parallel_for per op. OpenMP or std::thread (CMake option WEFT_THREADS) implement Team only.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

namespace weft {

/// A call of `body(context, thread, threads)` without ownership or allocation.
struct TeamBody {
  void (*call)(void* context, int thread, int threads) noexcept;
  void* context;
};

class Team {
 public:
  virtual ~Team() = default;
  /// Runs body on threads 0 .. n - 1 at once, the caller being thread 0, and waits for all; n is
  /// clamped to 1 .. size(). In a forked child, where the team's threads do not exist, and inside a
  /// caller's own OpenMP region it runs on the caller alone: `threads` tells the body. Workers
  /// flush denormals and round to nearest; the caller's floating-point state is put back.
  virtual void run(int n, TeamBody body) = 0;
  virtual int size() const noexcept = 0;

  static std::unique_ptr<Team> create(int threads);
  static const char* backend() noexcept;  // "openmp" or "std::thread"
};

/// While it lives, OpenMP regions entered from this thread run on it alone: for calls into oneDNN
/// from a team's threads. The thread's setting is put back afterwards.
class SerialOpenMp {
 public:
  SerialOpenMp() noexcept;
  ~SerialOpenMp();
  SerialOpenMp(const SerialOpenMp&) = delete;
  SerialOpenMp& operator=(const SerialOpenMp&) = delete;

 private:
  int threads_;
};

/// Reusable barrier of a running team: spins briefly, then gives up the processor.
class Barrier {
 public:
  /// Returns when `threads` threads have called it; all of them give the same number.
  void wait(int threads) noexcept;

 private:
  alignas(64) std::atomic<std::int32_t> arrived_{0};
  alignas(64) std::atomic<std::uint32_t> generation_{0};
};

}  // namespace weft
