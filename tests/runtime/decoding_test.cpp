// States, appended rows and listed rows in a session: what decoding is made of.
#include <doctest/doctest.h>

#include <cmath>
#include <numeric>

#include "tests/failure.h"
#include "tests/isa_under_test.h"
#include "tests/reference.h"
#include "tests/runtime/allocation_counter.h"
#include "weft/session.h"

namespace weft::test {
namespace {

constexpr std::int64_t kCols = 20;

/// One attention over a cache of 8 rows: queries are their own keys and values.
struct CacheFixture {
  RowSpace queries, lists, cache;
  std::shared_ptr<const Model> model;
  std::vector<float> rows = random_floats(8 * kCols, 1);

  CacheFixture() {
    Graph graph;
    queries = graph.ragged_rows("queries");
    lists = graph.ragged_rows("lists");
    cache = graph.state_rows("cache");
    const Value state = graph.state(cache, 2 * kCols);
    const Value x = graph.input("x", queries, kCols);
    const Value listed = graph.input_ids("listed", lists);
    CachedAttentionOptions options{.heads = 4};
    options.new_keys = options.new_values = x;
    options.new_rows = graph.input_ids("written", queries);
    const AttentionValues seen = graph.cached_attention(
        x, graph.columns(state, 0, kCols), graph.columns(state, kCols, kCols), listed, options);
    graph.output("context", seen.output);
    graph.output("weights", seen.weights);
    // Not asked for below: neither its rows nor its input need be given.
    const RowSpace other = graph.ragged_rows("other");
    graph.output("unused", graph.softmax(graph.input("y", other, 3)));
    CompileOptions compile;
    compile.isa = isa_under_test();
    model = Model::compile(std::move(graph), compile);
  }

  Session session(int threads = 1) const {
    SessionLimits limits{.threads = threads};
    limits.spaces = {{queries, 4, 4, 1}, {lists, 16, 4, 8}, {cache, 8}};
    return Session(model, limits, {"context", "weights"});
  }

  void run(Session& session, const std::vector<int>& which,
           const std::vector<std::int32_t>& written,
           const std::vector<std::vector<std::int32_t>>& seen) const {
    std::vector<float> x;
    std::vector<std::int32_t> single{0}, offsets{0}, listed;
    for (std::size_t r = 0; r < which.size(); ++r) {
      x.insert(x.end(), rows.begin() + which[r] * kCols, rows.begin() + (which[r] + 1) * kCols);
      listed.insert(listed.end(), seen[r].begin(), seen[r].end());
      single.push_back(static_cast<std::int32_t>(r) + 1);
      offsets.push_back(static_cast<std::int32_t>(listed.size()));
    }
    const RaggedRows spaces[]{{queries, single}, {lists, offsets}};
    const Input inputs[]{{"x", std::span<const float>(x)},
                         {"listed", std::span<const std::int32_t>(listed)},
                         {"written", std::span<const std::int32_t>(written)}};
    session.run(spaces, inputs);
  }

  std::vector<float> context(const Session& session, std::int64_t row) const {
    const Tensor out = session.output("context");
    return {out.f32(row), out.f32(row) + kCols};
  }
};

}  // namespace

TEST_CASE("a state outlives runs, and one step at a time gives the bits of any other order") {
  const CacheFixture fixture;
  Session one = fixture.session(), two = fixture.session(2);
  fixture.run(one, {0}, {0}, {{0}});
  fixture.run(one, {1}, {1}, {{0, 1}});
  fixture.run(one, {2}, {2}, {{0, 1, 2}});
  const std::vector<float> expected = fixture.context(one, 0);
  // The same text in other rows of the cache, beside another one.
  fixture.run(two, {5, 0}, {3, 7}, {{3}, {7}});
  fixture.run(two, {1, 6}, {2, 4}, {{7, 2}, {3, 4}});
  fixture.run(two, {3, 2, 4}, {5, 6, 0}, {{3, 4, 5}, {7, 2, 6}, {0}});
  CHECK(fixture.context(two, 1) == expected);
  const Tensor weights = two.output("weights");
  CHECK(weights.cols == 4 * 3);
  for (std::int64_t h = 0; h < 4; ++h) {
    CHECK(weights.f32(2)[3 * h] == 1.0f);
    CHECK(weights.f32(2)[3 * h + 1] == 0.0f);
    CHECK(std::accumulate(weights.f32(1) + 3 * h, weights.f32(1) + 3 * h + 3, 0.0) ==
          doctest::Approx(1));
  }
}

TEST_CASE("rows outside the cache, shared by writers, or more than planned are errors by name") {
  const CacheFixture fixture;
  Session session = fixture.session();
  WEFT_CHECK_FAILS(fixture.run(session, {0}, {8}, {{0}}), "OUT_OF_RANGE",
                   "input written: expected rows of cache from 0 to 7, found 8 at row 0");
  WEFT_CHECK_FAILS(fixture.run(session, {0}, {0}, {{0, -1}}), "OUT_OF_RANGE",
                   "input listed: expected rows of cache from 0 to 7, found -1 at row 1");
  WEFT_CHECK_FAILS(fixture.run(session, {0, 1}, {2, 2}, {{2}, {2}}), "INVALID_ARGUMENT",
                   "input written: expected rows that one query alone writes and lists, found 2");
  WEFT_CHECK_FAILS(fixture.run(session, {0, 1}, {2, 3}, {{2}, {2, 3}}), "INVALID_ARGUMENT",
                   "found 2 at row 1");
  fixture.run(session, {0, 1}, {2, 3}, {{2}, {3}});
  fixture.run(session, {0, 1}, {4, 5}, {{2, 4}, {2, 5}});  // a shared past
  const std::vector<std::int32_t> offsets{0, 2};
  const std::vector<float> x(2 * kCols);
  const RaggedRows spaces[]{{fixture.queries, offsets}, {fixture.lists, offsets}};
  const Input inputs[]{{"x", std::span<const float>(x)}};
  WEFT_CHECK_FAILS(session.run(spaces, inputs), "INVALID_ARGUMENT",
                   "queries: expected sequences of 1 row, found 2 in sequence 0");
  WEFT_CHECK_FAILS(
      fixture.run(session, {0, 1, 2, 3, 4}, {0, 1, 2, 3, 4}, {{0}, {1}, {2}, {3}, {4}}),
      "OUT_OF_RANGE", "queries: expected at most 4 sequences, found 5");
  WEFT_CHECK_FAILS(fixture.run(session, {0}, {0}, {{0, 1, 2, 3, 4, 5, 6, 7, 1}}), "OUT_OF_RANGE",
                   "lists: expected at most 8 rows in a sequence, found 9");
  WEFT_CHECK_FAILS(Session(fixture.model, {}, {"context"}), "INVALID_ARGUMENT",
                   "limits.spaces: expected the rows of cache, found none");
}

TEST_CASE("a warm step allocates nothing") {
  const CacheFixture fixture;
  Session session = fixture.session(2);
  const std::vector<float> x(2 * kCols, 0.5f);
  const std::vector<std::int32_t> single{0, 1, 2}, offsets{0, 1, 3}, listed{0, 0, 1}, written{2, 3};
  const RaggedRows spaces[]{{fixture.queries, single}, {fixture.lists, offsets}};
  const Input inputs[]{{"x", std::span<const float>(x)},
                       {"listed", std::span<const std::int32_t>(listed)},
                       {"written", std::span<const std::int32_t>(written)}};
  session.run(spaces, inputs);
  const std::int64_t before = allocations();
  for (int step = 0; step < 10; ++step) session.run(spaces, inputs);
  CHECK(allocations() == before);
}

TEST_CASE("cached attention in a graph checks its arguments") {
  Graph graph;
  const RowSpace queries = graph.ragged_rows("queries"), lists = graph.ragged_rows("lists");
  const RowSpace sources = graph.ragged_rows("sources");
  const Value q = graph.input("q", queries, 8), keys = graph.input("keys", sources, 8);
  const Value listed = graph.input_ids("listed", lists);
  WEFT_CHECK_FAILS(graph.state(queries, 3), "INVALID_ARGUMENT", "[state] expected rows made by");
  WEFT_CHECK_FAILS(graph.cached_attention(q, keys, keys, q, {}), "INVALID_ARGUMENT",
                   "key_rows: expected I32 of 1 column, found F32 of 8");
  WEFT_CHECK_FAILS(graph.cached_attention(q, keys, keys, listed, {.heads = 3}), "INVALID_ARGUMENT",
                   "3 heads, found q with 8");
  CachedAttentionOptions append;
  append.new_keys = append.new_values = q;
  append.new_rows = graph.input_ids("written", queries);
  WEFT_CHECK_FAILS(graph.cached_attention(q, keys, keys, listed, append), "INVALID_ARGUMENT",
                   "new_rows: expected keys and values of a state");
  (void)graph.cached_attention(q, keys, keys, listed, {.heads = 2});
  const Value state = graph.state(graph.state_rows("cache"), 8);
  WEFT_CHECK_FAILS(graph.cached_attention(q, state, state, listed, {}), "INVALID_ARGUMENT",
                   "listed names rows of sources already, found cache");
}

}  // namespace weft::test
