#include "runtime/session_pool.h"

#include <algorithm>
#include <new>

namespace weft {

int ThreadBudget::acquire(int wanted) {
  std::unique_lock lock(mutex_);
  released_.wait(lock, [this] { return free_ > 0; });
  const int taken = std::min(wanted, free_);
  free_ -= taken;
  return taken;
}

void ThreadBudget::release(int threads) {
  {
    std::lock_guard lock(mutex_);
    free_ += threads;
  }
  released_.notify_all();
}

std::unique_ptr<Session> SessionPool::take() {
  {
    std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      std::unique_ptr<Session> session = std::move(idle_.back());
      idle_.pop_back();
      return session;
    }
  }
  return std::make_unique<Session>(model_, limits_, outputs_);
}

void SessionPool::give_back(std::unique_ptr<Session> session) noexcept {
  try {
    std::lock_guard lock(mutex_);
    idle_.push_back(std::move(session));
  } catch (const std::bad_alloc&) {
    // Without memory to keep it, the session ends here.
  }
}

SessionLease::SessionLease(SessionPool& pool, int threads) : pool_(pool), session_(pool.take()) {
  session_->set_threads(threads);
}

SessionLease::~SessionLease() {
  session_->set_profile(nullptr);
  pool_.give_back(std::move(session_));
}

}  // namespace weft
