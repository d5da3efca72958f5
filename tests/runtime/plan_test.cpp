#include "runtime/plan.h"

#include <doctest/doctest.h>

#include <random>

#include "weft/error.h"

namespace weft {

TEST_CASE("spans alive at the same step never overlap, and memory is not wasted on dead ones") {
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    std::vector<Interval> intervals(1 + random() % 40);
    std::size_t all = 0;
    for (Interval& interval : intervals) {
      interval.begin = random() % 30;
      interval.end = interval.begin + random() % 10;
      interval.size = 64 * (random() % 20);
      all += interval.size;
    }
    const Layout layout = lay_out(intervals);
    REQUIRE(layout.offsets.size() == intervals.size());
    for (std::size_t i = 0; i < intervals.size(); ++i) {
      CHECK(layout.offsets[i] + intervals[i].size <= layout.total);
      CHECK(layout.offsets[i] % 64 == 0);
      for (std::size_t j = 0; j < i; ++j) {
        const bool together =
            intervals[i].begin <= intervals[j].end && intervals[j].begin <= intervals[i].end;
        const bool apart = layout.offsets[i] + intervals[i].size <= layout.offsets[j] ||
                           layout.offsets[j] + intervals[j].size <= layout.offsets[i];
        CHECK((!together || apart));
      }
    }
    CHECK(layout.total <= all);
  }
}

TEST_CASE("spans that follow each other share one place") {
  const Interval intervals[]{{0, 1, 640}, {2, 3, 640}, {4, 4, 128}};
  CHECK(lay_out(intervals).total == 640);
}

TEST_CASE("a chain's inner values are block-sized, what crosses a stage or is asked for is not") {
  Graph graph;
  const RowSpace tokens = graph.ragged_rows("tokens");
  const Value x = graph.input("x", tokens, 32);
  const Value a = graph.activation(x, Activation::kTanh);
  const Value b = graph.softmax(a);
  const Value c = graph.add(a, b);
  const AttentionValues attention = graph.attention(c, c, c, {});
  const Value d = graph.activation(attention.output, Activation::kRelu);
  graph.output("d", d);
  graph.output("b", b);
  graph.output("weights", attention.weights);
  const auto model = Model::compile(std::move(graph));
  const SessionLimits limits{.tokens = 100, .sequences = 4, .longest = 50, .threads = 2};

  const Plan plan = make_plan(model->impl(), limits, {"d"});
  REQUIRE(plan.stages.size() == 3);
  CHECK(plan.stages[0].kind == Stage::Kind::kChain);
  CHECK(plan.stages[0].nodes.size() == 3);
  CHECK(plan.stages[1].kind == Stage::Kind::kMixing);
  CHECK(plan.values[a.id].kind == Placement::Kind::kBlock);
  CHECK(plan.values[b.id].kind == Placement::Kind::kBlock);
  CHECK(plan.values[c.id].kind == Placement::Kind::kArena);
  CHECK(plan.values[attention.weights.id].kind == Placement::Kind::kNowhere);
  CHECK(plan.values[x.id].kind == Placement::Kind::kInput);

  const Plan asked = make_plan(model->impl(), limits, {"d", "b", "weights"});
  CHECK(asked.values[b.id].kind == Placement::Kind::kArena);
  CHECK(asked.values[attention.weights.id].kind == Placement::Kind::kArena);
  CHECK(asked.arena_bytes > plan.arena_bytes);

  const Plan first_only = make_plan(model->impl(), limits, {"b"});
  CHECK(first_only.stages.size() == 1);
  CHECK_THROWS_WITH_AS(make_plan(model->impl(), limits, {"e"}),
                       "[session] output e: the model has none of this name", Error);
}

}  // namespace weft
