#include "ops/parallel.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xmmintrin.h>

#include <array>
#include <limits>
#include <thread>
#include <vector>

#include "ops/floating_point_state.h"

namespace weft::test {
namespace {

constexpr unsigned kFlushBits = 0x8040;     // flush to zero, denormals are zero
constexpr unsigned kRoundingBits = 0x6000;  // 0: to nearest

struct Record {
  std::atomic<int> calls{0};
  std::array<std::atomic<int>, 8> per_thread{};
  std::atomic<int> threads_seen{0};
  std::atomic<int> wrong_state{0};
};

void record_call(void* context, int thread, int threads) noexcept {
  auto* record = static_cast<Record*>(context);
  ++record->calls;
  ++record->per_thread[static_cast<std::size_t>(thread)];
  record->threads_seen = threads;
  const unsigned state = _mm_getcsr();
  if ((state & kFlushBits) != kFlushBits || (state & kRoundingBits) != 0) ++record->wrong_state;
}

struct Nested {
  Team* team;
  Record* record;
};

// Several threads of one team may not enter another at once: thread 0 alone does.
void run_nested(void* context, int thread, int) noexcept {
  const auto* nested = static_cast<Nested*>(context);
  if (thread == 0) nested->team->run(2, {record_call, nested->record});
}

// Each phase, every thread adds to the phase's counter; after the barrier all have.
struct Phases {
  static constexpr int kCount = 2000;
  Barrier barrier;
  std::vector<std::atomic<int>> arrived = std::vector<std::atomic<int>>(kCount);
  std::atomic<int> missing{0};
};

void run_phases(void* context, int, int threads) noexcept {
  auto* phases = static_cast<Phases*>(context);
  for (auto& arrived : phases->arrived) {
    arrived.fetch_add(1, std::memory_order_relaxed);
    phases->barrier.wait(threads);
    if (arrived.load(std::memory_order_relaxed) != threads) ++phases->missing;
  }
}

}  // namespace

TEST_CASE("a team runs its body once on each thread, clamped to its size") {
  const std::unique_ptr<Team> team = Team::create(3);
  CHECK(team->size() == 3);
  for (const auto& [asked, given] : {std::pair{1, 1}, {2, 2}, {3, 3}, {9, 3}, {0, 1}, {-4, 1}}) {
    CAPTURE(asked);
    Record record;
    team->run(asked, {record_call, &record});
    CHECK(record.calls == given);
    CHECK(record.threads_seen == given);
    for (int thread = 0; thread < given; ++thread) {
      CHECK(record.per_thread[static_cast<std::size_t>(thread)] == 1);
    }
    CHECK(record.wrong_state == 0);
  }
}

TEST_CASE("a team can be run again and again") {
  const std::unique_ptr<Team> team = Team::create(2);
  Record record;
  for (int i = 0; i < 1000; ++i) team->run(1 + i % 2, {record_call, &record});
  CHECK(record.calls == 1500);
}

TEST_CASE("the caller's floating-point state is put back, the workers' is set whatever it was") {
  const std::unique_ptr<Team> team = Team::create(2);
  const unsigned before = _mm_getcsr();
  const unsigned upward = (before & ~kFlushBits) | 0x4000;
  _mm_setcsr(upward);
  for (int threads : {1, 2}) {
    Record record;
    team->run(threads, {record_call, &record});
    CHECK(record.wrong_state == 0);
    CHECK((_mm_getcsr() & ~0x3fu) == (upward & ~0x3fu));
  }
  _mm_setcsr(before);
}

TEST_CASE("FloatingPointState flushes subnormals while it lives") {
  volatile float smallest = std::numeric_limits<float>::min();
  {
    const FloatingPointState state;
    CHECK((smallest / 2) == 0.0f);
  }
  CHECK((smallest / 2) > 0.0f);
}

TEST_CASE("a team inside another team's run completes") {
  const std::unique_ptr<Team> outer = Team::create(2), inner = Team::create(2);
  Record record;
  Nested nested{inner.get(), &record};
  outer->run(2, {run_nested, &nested});
  CHECK(record.calls == record.threads_seen);
  CHECK(record.calls >= 1);
  CHECK(record.wrong_state == 0);
}

TEST_CASE("teams of different callers run at once") {
  std::vector<std::thread> callers;
  std::array<Record, 4> records;
  for (Record& record : records) {
    callers.emplace_back([&record] {
      const std::unique_ptr<Team> team = Team::create(2);
      for (int i = 0; i < 50; ++i) team->run(2, {record_call, &record});
    });
  }
  for (std::thread& caller : callers) caller.join();
  for (const Record& record : records) CHECK(record.calls == 100);
}

TEST_CASE("no thread passes a barrier before all have reached it, generation after generation") {
  for (int threads : {1, 2, 4}) {
    const std::unique_ptr<Team> team = Team::create(threads);
    Phases phases;
    team->run(threads, {run_phases, &phases});
    CHECK(phases.missing == 0);
  }
}

TEST_CASE("a forked child runs the body alone instead of waiting for threads it does not have") {
  const std::unique_ptr<Team> team = Team::create(2);
  Record warm;
  team->run(2, {record_call, &warm});
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    alarm(20);
    Record record;
    team->run(2, {record_call, &record});
    _exit(record.calls == 1 && record.threads_seen == 1 ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}

}  // namespace weft::test
