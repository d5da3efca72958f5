// Sessions of one model, lent to concurrent callers under a common thread budget.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "weft/session.h"

namespace weft {

/// Threads that concurrent callers share: each gets at least one, the first ones all that are free.
class ThreadBudget {
 public:
  explicit ThreadBudget(int threads) : free_(threads) {}
  /// Waits until a thread is free, takes up to `wanted` and returns how many.
  int acquire(int wanted);
  void release(int threads);

 private:
  std::mutex mutex_;
  std::condition_variable released_;
  int free_;
};

/// Threads of a budget, given back at the end of its scope.
class ThreadLease {
 public:
  ThreadLease(ThreadBudget& budget, int wanted)
      : budget_(budget), threads_(budget.acquire(wanted)) {}
  ~ThreadLease() { budget_.release(threads_); }
  ThreadLease(const ThreadLease&) = delete;
  ThreadLease& operator=(const ThreadLease&) = delete;
  int threads() const noexcept { return threads_; }

 private:
  ThreadBudget& budget_;
  int threads_;
};

/// Idle sessions for one set of outputs. There are never more sessions than threads in the budget,
/// because a caller holds a thread of it while it holds a session.
class SessionPool {
 public:
  SessionPool(std::shared_ptr<const Model> model, const SessionLimits& limits,
              std::vector<std::string> outputs)
      : model_(std::move(model)), limits_(limits), outputs_(std::move(outputs)) {}

  /// Throws Error(kResourceExhausted) if a new one is needed and cannot be had.
  std::unique_ptr<Session> take();
  void give_back(std::unique_ptr<Session> session) noexcept;

 private:
  std::shared_ptr<const Model> model_;
  SessionLimits limits_;
  std::vector<std::string> outputs_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Session>> idle_;
};

/// A session of a pool, given back at the end of its scope.
class SessionLease {
 public:
  SessionLease(SessionPool& pool, int threads);
  ~SessionLease();
  SessionLease(const SessionLease&) = delete;
  SessionLease& operator=(const SessionLease&) = delete;
  Session& operator*() const noexcept { return *session_; }
  Session* operator->() const noexcept { return session_.get(); }

 private:
  SessionPool& pool_;
  std::unique_ptr<Session> session_;
};

}  // namespace weft
