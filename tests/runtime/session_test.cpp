#include "weft/session.h"

#include <doctest/doctest.h>
#include <xmmintrin.h>

#include <atomic>
#include <chrono>
#include <numeric>
#include <thread>

#include "tests/reference.h"
#include "tests/runtime/allocation_counter.h"
#include "weft/error.h"
#include "weft/profile.h"

namespace weft {
namespace {

constexpr std::int64_t kCols = 48;

/// Two Transformer-like layers over ragged rows, with an embedding in front and a pool behind.
struct Fixture {
  std::vector<float> table = test::random_floats(50 * kCols, 1);
  std::vector<float> up = test::random_floats(4 * kCols * kCols, 2, 0.1f);
  std::vector<float> down = test::random_floats(4 * kCols * kCols, 3, 0.1f);
  RowSpace tokens;
  std::shared_ptr<const Model> model;

  Fixture() {
    Graph graph;
    tokens = graph.ragged_rows("tokens");
    const Value ids = graph.input_ids("ids", tokens);
    Value x = graph.embedding({{Weight::from_memory("table", {50, kCols}, table.data()), ids}});
    for (int layer = 0; layer < 2; ++layer) {
      AttentionOptions options;
      options.heads = 3;
      x = graph.add(x, graph.attention(x, x, x, options).output);
      const Value wide = graph.linear(x, Weight::from_memory("up", {4 * kCols, kCols}, up.data()),
                                      {.activation = Activation::kGelu});
      x = graph.linear(wide, Weight::from_memory("down", {kCols, 4 * kCols}, down.data()),
                       {.residual = x});
    }
    graph.output("rows", x);
    graph.output("pooled", graph.normalize(graph.pool(x, Pooling::kMean)));
    model = Model::compile(std::move(graph));
  }

  void run(Session& session, const std::vector<std::int32_t>& offsets,
           const std::vector<std::int32_t>& ids, const StopCondition& stop = {}) const {
    const RaggedRows rows{tokens, offsets};
    const Input input{"ids", std::span<const std::int32_t>(ids)};
    session.run({&rows, 1}, {&input, 1}, stop);
  }
};

const SessionLimits kLimits{.tokens = 100, .sequences = 8, .longest = 60, .threads = 2};

std::vector<std::int32_t> some_ids(std::size_t n) {
  std::vector<std::int32_t> ids(n);
  for (std::size_t i = 0; i < n; ++i) ids[i] = static_cast<std::int32_t>(i * 7 % 50);
  return ids;
}

}  // namespace

TEST_CASE("a warm run allocates nothing, whatever the shapes within the limits") {
  const Fixture fixture;
  Session session(fixture.model, kLimits);
  const std::vector<std::vector<std::int32_t>> shapes{{0, 60, 100}, {0, 1}, {0, 3, 9, 30}};
  std::vector<std::vector<std::int32_t>> ids;
  for (const auto& offsets : shapes) ids.push_back(some_ids(offsets.back()));
  for (std::size_t i = 0; i < shapes.size(); ++i) fixture.run(session, shapes[i], ids[i]);
  const std::int64_t before = test::allocations();
  for (int round = 0; round < 5; ++round) {
    for (std::size_t i = 0; i < shapes.size(); ++i) fixture.run(session, shapes[i], ids[i]);
  }
  CHECK(test::allocations() == before);
}

TEST_CASE("the plan tells the memory beforehand and the session holds just that") {
  const Fixture fixture;
  Session session(fixture.model, kLimits);
  CHECK(session.memory_bytes() == Session::memory_bytes(*fixture.model, kLimits));
  SessionLimits larger = kLimits;
  larger.tokens = 1000;
  CHECK(Session::memory_bytes(*fixture.model, larger) > session.memory_bytes());
}

TEST_CASE("bad offsets, ids and limits are errors, and the session stays usable") {
  const Fixture fixture;
  Session session(fixture.model, kLimits);
  const auto fails = [&](const std::vector<std::int32_t>& offsets,
                         const std::vector<std::int32_t>& ids, Reason reason) {
    try {
      fixture.run(session, offsets, ids);
    } catch (const Error& error) {
      CHECK(error.reason() == reason);
      return true;
    }
    return false;
  };
  CHECK(fails({}, {}, Reason::kInvalidArgument));
  CHECK(fails({1, 2}, some_ids(2), Reason::kInvalidArgument));
  CHECK(fails({0, 2, 2}, some_ids(2), Reason::kInvalidArgument));
  CHECK(fails({0, 3, 2}, some_ids(2), Reason::kInvalidArgument));
  CHECK(fails({0, 3}, some_ids(2), Reason::kInvalidArgument));
  CHECK(fails({0, 61}, some_ids(61), Reason::kOutOfRange));
  CHECK(fails({0, 50, 101}, some_ids(101), Reason::kOutOfRange));
  CHECK(fails({0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, some_ids(9), Reason::kOutOfRange));
  CHECK(fails({0, 2}, {0, 50}, Reason::kOutOfRange));
  CHECK(fails({0, 2}, {0, -1}, Reason::kOutOfRange));
  CHECK(fails({0, 2}, {0, INT32_MIN}, Reason::kOutOfRange));
  CHECK_THROWS_AS(session.run({}, {}), Error);
  CHECK_THROWS_AS(session.output("nothing"), Error);
  CHECK_THROWS_AS(session.set_threads(0), Error);
  CHECK_THROWS_AS(session.set_threads(3), Error);
  CHECK_THROWS_AS(Session(fixture.model, {.tokens = 0}), Error);
  CHECK_THROWS_AS(Session(fixture.model, {.threads = -1}), Error);
  CHECK_THROWS_AS(Session(fixture.model, kLimits, {"nothing"}), Error);

  fixture.run(session, {0, 5}, some_ids(5));
  CHECK(session.output("rows").rows == 5);
}

TEST_CASE("queries and keys with unequal numbers of sequences are refused, naming both") {
  Graph graph;
  const RowSpace targets = graph.ragged_rows("targets");
  const RowSpace sources = graph.ragged_rows("sources");
  const Value q = graph.input("q", targets, 4);
  const Value k = graph.input("k", sources, 4);
  graph.output("out", graph.attention(q, k, k, {}).output);
  Session session(Model::compile(std::move(graph)), kLimits);
  const std::vector<float> values(4 * 6, 0.5f);
  const std::vector<std::int32_t> two{0, 2, 6}, three{0, 2, 3, 6};
  const Input inputs[]{{"q", std::span<const float>(values)},
                       {"k", std::span<const float>(values)}};
  const RaggedRows unequal[]{{targets, two}, {sources, three}};
  CHECK_THROWS_WITH_AS(
      session.run(unequal, inputs),
      "[run] attention: expected as many sequences in sources as in targets, found "
      "3 and 2",
      Error);
  const RaggedRows equal[]{{targets, two}, {sources, two}};
  session.run(equal, inputs);
  CHECK(session.output("out").f32(5)[0] == 0.5f);
}

TEST_CASE("an empty batch gives empty outputs") {
  const Fixture fixture;
  Session session(fixture.model, kLimits);
  fixture.run(session, {0}, {});
  CHECK(session.output("rows").rows == 0);
  CHECK(session.output("pooled").rows == 0);
}

TEST_CASE("a run is given up when asked, and the session runs again afterwards") {
  const Fixture fixture;
  Session session(fixture.model, kLimits);
  const std::vector<std::int32_t> offsets{0, 60, 100};
  fixture.run(session, offsets, some_ids(100));
  const float expected = session.output("rows").f32(99)[0];

  const std::atomic<bool> cancel{true};
  StopCondition stop;
  stop.cancel = &cancel;
  try {
    fixture.run(session, offsets, some_ids(100), stop);
    FAIL("expected an error");
  } catch (const Error& error) {
    CHECK(error.reason() == Reason::kCancelled);
  }
  StopCondition late;
  late.deadline = std::chrono::steady_clock::now() - std::chrono::seconds(1);
  try {
    fixture.run(session, offsets, some_ids(100), late);
    FAIL("expected an error");
  } catch (const Error& error) {
    CHECK(error.reason() == Reason::kDeadlineExceeded);
  }
  late.deadline = std::chrono::steady_clock::now() + std::chrono::hours(1);
  fixture.run(session, offsets, some_ids(100), late);
  CHECK(session.output("rows").f32(99)[0] == expected);
}

TEST_CASE("many threads may run sessions of one model at the same time") {
  const Fixture fixture;
  Session alone(fixture.model, kLimits);
  const std::vector<std::int32_t> offsets{0, 17, 60, 61};
  fixture.run(alone, offsets, some_ids(61));
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      Session session(fixture.model, kLimits);
      for (int round = 0; round < 20; ++round) {
        fixture.run(session, offsets, some_ids(61));
        for (std::int64_t row = 0; row < 61; ++row) {
          for (std::int64_t col = 0; col < kCols; ++col) {
            wrong += session.output("rows").f32(row)[col] != alone.output("rows").f32(row)[col];
          }
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
}

TEST_CASE("a caller's floating-point state is its own again after a run") {
  const Fixture fixture;
  Session session(fixture.model, kLimits);
  fixture.run(session, {0, 30}, some_ids(30));
  const float expected = session.output("rows").f32(29)[5];
  const unsigned before = _mm_getcsr();
  _mm_setcsr(before | _MM_ROUND_TOWARD_ZERO);
  fixture.run(session, {0, 30}, some_ids(30));
  const unsigned after = _mm_getcsr();
  _mm_setcsr(before);
  CHECK((after & _MM_ROUND_MASK) == _MM_ROUND_TOWARD_ZERO);
  CHECK(session.output("rows").f32(29)[5] == expected);
}

TEST_CASE("a profile counts every op once per block and knows its flops") {
  const Fixture fixture;
  Session session(fixture.model, kLimits);
  Profile profile(1000);
  session.set_profile(&profile);
  fixture.run(session, {0, 60, 100}, some_ids(100));
  session.set_profile(nullptr);
  fixture.run(session, {0, 60, 100}, some_ids(100));
  double linear_flops = 0;
  for (const OpProfile& op : profile.ops()) {
    CHECK(op.calls > 0);
    if (op.kind == "linear") linear_flops += op.flops;
  }
  CHECK(linear_flops >= 4 * 2.0 * 100 * kCols * 4 * kCols);
  CHECK(linear_flops <= 1.1 * 4 * 2.0 * 100 * kCols * 4 * kCols);
  CHECK(profile.wall_seconds() > 0);
  CHECK(!profile.events().empty());
}

TEST_CASE("the default number of threads is positive and its reason begins with it") {
  CHECK(default_threads() >= 1);
  CHECK(default_threads_reason().find(std::to_string(default_threads())) == 0);
}

}  // namespace weft
