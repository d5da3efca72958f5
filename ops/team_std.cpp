// Team on std::thread: for the thread sanitizer, which does not know libgomp, and for hosts that
// want no OpenMP runtime.
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "ops/floating_point_state.h"
#include "ops/parallel.h"

// oneDNN may bring an OpenMP runtime of its own; weak, because this build does not link one.
extern "C" {
[[gnu::weak]] int omp_get_max_threads();
[[gnu::weak]] void omp_set_num_threads(int threads);
}

namespace weft {
namespace {

class StdTeam final : public Team {
 public:
  explicit StdTeam(int threads) : process_(getpid()) {
    workers_.reserve(static_cast<std::size_t>(std::max(0, threads - 1)));
    try {
      for (int i = 1; i < threads; ++i) workers_.emplace_back([this, i] { work(i); });
    } catch (const std::system_error&) {
      // No more threads to be had: the team is smaller, its results are the same.
    }
  }

  ~StdTeam() override {
    if (getpid() != process_) {
      // A forked child has no workers to join.
      for (std::thread& worker : workers_) worker.detach();
      return;
    }
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    start_.notify_all();
    for (std::thread& worker : workers_) worker.join();
  }

  void run(int n, TeamBody body) override {
    n = std::clamp(n, 1, size());
    if (n == 1 || getpid() != process_) {
      FloatingPointState state;
      body.call(body.context, 0, 1);
      return;
    }
    {
      std::lock_guard lock(mutex_);
      body_ = body;
      threads_ = n;
      running_ = n - 1;
      ++generation_;
    }
    start_.notify_all();
    {
      FloatingPointState state;
      body.call(body.context, 0, n);
    }
    std::unique_lock lock(mutex_);
    done_.wait(lock, [this] { return running_ == 0; });
  }

  int size() const noexcept override { return static_cast<int>(workers_.size()) + 1; }

 private:
  void work(int thread) {
    FloatingPointState state;
    std::uint64_t seen = 0;
    std::unique_lock lock(mutex_);
    while (true) {
      start_.wait(lock, [&] { return stopping_ || generation_ != seen; });
      if (stopping_) return;
      seen = generation_;
      if (thread >= threads_) continue;
      const TeamBody body = body_;
      const int threads = threads_;
      lock.unlock();
      body.call(body.context, thread, threads);
      lock.lock();
      if (--running_ == 0) done_.notify_one();
    }
  }

  pid_t process_;
  std::vector<std::thread> workers_;
  std::mutex mutex_;
  std::condition_variable start_, done_;
  TeamBody body_{};
  int threads_ = 0;
  int running_ = 0;
  std::uint64_t generation_ = 0;
  bool stopping_ = false;
};

}  // namespace

std::unique_ptr<Team> Team::create(int threads) { return std::make_unique<StdTeam>(threads); }

const char* Team::backend() noexcept { return "std::thread"; }

SerialOpenMp::SerialOpenMp() noexcept
    : threads_(omp_get_max_threads != nullptr ? omp_get_max_threads() : 0) {
  if (omp_set_num_threads != nullptr) omp_set_num_threads(1);
}
SerialOpenMp::~SerialOpenMp() {
  if (omp_set_num_threads != nullptr) omp_set_num_threads(threads_);
}

}  // namespace weft
