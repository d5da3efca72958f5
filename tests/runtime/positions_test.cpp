#include "weft/positions.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "tests/failure.h"
#include "tests/reference.h"
#include "tests/runtime/golden.h"
#include "weft/graph.h"
#include "weft/model.h"
#include "weft/session.h"

namespace weft::test {
namespace {

std::vector<float> read(const Weight& weight) {
  std::vector<float> values(static_cast<std::size_t>(weight.size()));
  weight.read_f32(0, weight.rows(), values.data());
  return values;
}

/// Softmax attention of one head in double: score(i, j) is given, v is (n, d).
std::vector<double> attend(std::int64_t n, std::int64_t d, const std::vector<float>& v,
                           const std::function<double(std::int64_t, std::int64_t)>& score) {
  std::vector<double> context(static_cast<std::size_t>(n * d), 0);
  for (std::int64_t i = 0; i < n; ++i) {
    std::vector<double> scores;
    for (std::int64_t j = 0; j < n; ++j) scores.push_back(score(i, j));
    const std::vector<double> weights = softmax(scores);
    for (std::int64_t j = 0; j < n; ++j) {
      for (std::int64_t c = 0; c < d; ++c) context[i * d + c] += weights[j] * v[j * d + c];
    }
  }
  return context;
}

}  // namespace

TEST_CASE("distance buckets are those of transformers' T5 and MPNet") {
  const NamedArrays expected = read_safetensors(golden("attention/relative_positions.safetensors"));
  const auto check = [&](const std::string& name, DistanceBuckets rule, std::int64_t buckets,
                         std::int64_t max_distance) {
    CAPTURE(name);
    const auto values = expected.at(name).values<std::int32_t>();
    REQUIRE(values.size() == 1201);
    std::vector<float> table(static_cast<std::size_t>(2 * buckets));
    for (std::size_t i = 0; i < table.size(); ++i) table[i] = static_cast<float>(i);
    const Weight bias =
        bucket_bias(Weight::from_memory("t", {buckets, 2}, table.data()), rule, max_distance);
    const std::vector<float> by_distance = read(bias);
    REQUIRE(bias.rows() == 2);
    REQUIRE(bias.cols() == 2 * max_distance + 1);
    for (std::int64_t distance = -600; distance <= 600; ++distance) {
      const std::int32_t bucket = values[static_cast<std::size_t>(distance + 600)];
      CHECK(distance_bucket(distance, rule, buckets, max_distance) == bucket);
      const std::int64_t column = std::clamp(distance, -max_distance, max_distance) + max_distance;
      for (std::int64_t head = 0; head < 2; ++head) {
        CHECK(by_distance[static_cast<std::size_t>(head * bias.cols() + column)] ==
              static_cast<float>(2 * bucket + head));
      }
    }
  };
  check("mpnet.32.128", DistanceBuckets::kBidirectional, 32, 128);
  for (const auto& [buckets, farthest] :
       std::vector<std::pair<int, int>>{{32, 128}, {32, 200}, {20, 64}, {64, 1000}}) {
    const std::string sizes = std::to_string(buckets) + "." + std::to_string(farthest);
    check("bidirectional." + sizes, DistanceBuckets::kBidirectional, buckets, farthest);
    check("causal." + sizes, DistanceBuckets::kCausal, buckets, farthest);
  }
  check("bidirectional.8.5", DistanceBuckets::kBidirectional, 8, 5);
}

TEST_CASE("alibi's slopes are those of transformers, its bias falls on both sides") {
  const NamedArrays expected = read_safetensors(golden("attention/relative_positions.safetensors"));
  for (std::int64_t heads : {1, 2, 3, 6, 8, 12, 16, 20}) {
    CAPTURE(heads);
    const auto slopes = expected.at("alibi." + std::to_string(heads)).values<float>();
    const Weight bias = alibi_bias(heads, 5);
    const std::vector<float> values = read(bias);
    REQUIRE(bias.rows() == heads);
    REQUIRE(bias.cols() == 9);
    for (std::int64_t head = 0; head < heads; ++head) {
      for (std::int64_t i = 0; i < 9; ++i) {
        const double found = values[static_cast<std::size_t>(head * 9 + i)];
        CHECK(found == doctest::Approx(-slopes[static_cast<std::size_t>(head)] *
                                       std::fabs(static_cast<double>(i - 4)))
                           .epsilon(1e-6));
      }
    }
  }
}

TEST_CASE("tables of positions name what does not fit") {
  const std::vector<float> table(64);
  const auto bias = [&](std::int64_t buckets, DistanceBuckets rule, std::int64_t farthest) {
    bucket_bias(Weight::from_memory("t", {buckets, 2}, table.data()), rule, farthest);
  };
  WEFT_CHECK_FAILS(bias(7, DistanceBuckets::kBidirectional, 20), "INVALID_ARGUMENT",
                   "[bucket_bias] buckets: expected at least 4 and an even number, found 7");
  WEFT_CHECK_FAILS(bias(2, DistanceBuckets::kCausal, 20), "INVALID_ARGUMENT",
                   "[bucket_bias] buckets: expected at least 4, found 2");
  WEFT_CHECK_FAILS(bias(32, DistanceBuckets::kBidirectional, 8), "INVALID_ARGUMENT",
                   "[bucket_bias] max_distance: expected 9 to 16777216 with 32 buckets, found 8");
  WEFT_CHECK_FAILS(alibi_bias(0, 5), "INVALID_ARGUMENT", "[alibi_bias] heads: expected 1");
  WEFT_CHECK_FAILS(alibi_bias(4, 0), "INVALID_ARGUMENT", "[alibi_bias] longest: expected 1");
}

TEST_CASE("a graph attends with a bias, a window and key lengths in one operator") {
  constexpr std::int64_t d = 4;
  const std::vector<float> x = random_floats(26 * 2 * d, 1);
  for (std::int64_t window : {0, 3}) {
    Graph graph;
    const RowSpace tokens = graph.ragged_rows("tokens");
    const Value in = graph.input("x", tokens, 2 * d);
    AttentionOptions options;
    options.heads = 2;
    options.scale = 1;
    options.window = window;
    options.distance_bias = graph.constant(alibi_bias(2, 16));
    options.key_lengths = graph.input_ids("lengths", graph.sequence_rows(tokens));
    graph.output("y", graph.attention(in, in, in, options).output);
    Session session(Model::compile(std::move(graph)),
                    {.tokens = 32, .sequences = 4, .longest = 16});
    const std::vector<std::int32_t> offsets{0, 10, 26}, lengths{10, 11};
    const RaggedRows rows{tokens, offsets};
    const Input inputs[]{{"x", std::span<const float>(x)},
                         {"lengths", std::span<const std::int32_t>(lengths)}};
    session.run({&rows, 1}, inputs);
    const Tensor y = session.output("y");
    for (std::size_t s = 0; s < 2; ++s) {
      for (std::int64_t head = 0; head < 2; ++head) {
        const std::int64_t n = offsets[s + 1] - offsets[s];
        std::vector<float> rows_of_head;
        for (std::int64_t i = 0; i < n * d; ++i) {
          rows_of_head.push_back(x[(offsets[s] + i / d) * 2 * d + head * d + i % d]);
        }
        const double slope = head == 0 ? 1 / 16.0 : 1 / 256.0;
        const std::vector<double> expected =
            attend(n, d, rows_of_head, [&](std::int64_t i, std::int64_t j) -> double {
              if (j >= lengths[s] || (window > 0 && std::abs(i - j) > window)) return -INFINITY;
              double score = -slope * static_cast<double>(std::abs(i - j));
              for (std::int64_t c = 0; c < d; ++c) {
                score += static_cast<double>(rows_of_head[i * d + c]) * rows_of_head[j * d + c];
              }
              return score;
            });
        for (std::int64_t i = 0; i < n * d; ++i) {
          CHECK(y.f32(offsets[s] + i / d)[head * d + i % d] ==
                doctest::Approx(expected[i]).epsilon(1e-5));
        }
      }
    }
    const auto run = [&](const std::vector<std::int32_t>& wrong) {
      const Input in_run[]{{"x", std::span<const float>(x)},
                           {"lengths", std::span<const std::int32_t>(wrong)}};
      session.run({&rows, 1}, in_run);
    };
    WEFT_CHECK_FAILS(run({10, 17}), "OUT_OF_RANGE",
                     "[run] input lengths: expected lengths from 0 to 16, the rows of sequence 1 "
                     "in tokens, found 17 at row 1");
    WEFT_CHECK_FAILS(run({-1, 3}), "OUT_OF_RANGE", "found -1 at row 0");
  }
}

namespace {

/// One value of a graph over `x`, computed.
std::vector<float> compute(const Array& x, const std::vector<std::int32_t>& positions,
                           const std::function<Value(Graph&, Value, Value)>& build) {
  Graph graph;
  const RowSpace tokens = graph.ragged_rows("tokens");
  const Value in = graph.input("x", tokens, x.shape[1]);
  const Value at = graph.input_ids("positions", tokens);
  graph.output("y", build(graph, in, at));
  Session session(Model::compile(std::move(graph)), {.tokens = 64, .sequences = 1, .longest = 64});
  const std::vector<std::int32_t> offsets{0, static_cast<std::int32_t>(x.shape[0])};
  const RaggedRows rows{tokens, offsets};
  const Input inputs[]{{"x", x.values<float>()},
                       {"positions", std::span<const std::int32_t>(positions)}};
  session.run({&rows, 1}, inputs);
  const Tensor y = session.output("y");
  std::vector<float> result;
  for (std::int64_t row = 0; row < y.rows; ++row) {
    result.insert(result.end(), y.f32(row), y.f32(row) + y.cols);
  }
  return result;
}

double worst_difference(const std::vector<float>& found, const Array& expected) {
  const auto values = expected.values<float>();
  REQUIRE(found.size() == values.size());
  double worst = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    worst = std::max(worst, std::fabs(static_cast<double>(found[i]) - values[i]));
  }
  return worst;
}

}  // namespace

TEST_CASE("rotary equals transformers' to 1e-5 up to position 8191") {
  const NamedArrays expected = read_safetensors(golden("attention/rotary.safetensors"));
  const auto at = expected.at("positions").values<std::int32_t>();
  const std::vector<std::int32_t> positions(at.begin(), at.end());
  for (const auto& [name, columns, base] :
       {std::tuple{"a", 64, 160000.0}, {"b", 24, 10000.0}, {"c", 6, 500000.0}}) {
    CAPTURE(name);
    const std::vector<float> found = compute(
        expected.at(name + std::string(".x")), positions, [&](Graph& graph, Value x, Value where) {
          const Value table = graph.constant(rotary_table(8192, columns, {.base = base}));
          return graph.rotary(x, where, table, 2);
        });
    const double worst = worst_difference(found, expected.at(name + std::string(".y")));
    MESSAGE("rotary ", std::string(name), ": worst difference ", worst);
    CHECK(worst < 1e-5);
  }
}

TEST_CASE("a position beyond the rotary table is refused before the run") {
  const Array x(DType::kF32, {2, 8});
  const auto run = [&](std::int32_t position) {
    compute(x, {0, position}, [](Graph& graph, Value in, Value where) {
      return graph.rotary(in, where, graph.constant(rotary_table(5, 4)), 2);
    });
  };
  run(4);
  WEFT_CHECK_FAILS(run(5), "OUT_OF_RANGE",
                   "[run] input positions: expected ids from 0 to 4, found 5");
  WEFT_CHECK_FAILS(rotary_table(5, 3), "INVALID_ARGUMENT", "[rotary_table] columns: expected an");
  WEFT_CHECK_FAILS(rotary_table(0, 4), "INVALID_ARGUMENT", "[rotary_table] positions: expected 1");
  WEFT_CHECK_FAILS(rotary_table(5, 4, {.base = 0}), "INVALID_ARGUMENT", "[rotary_table] base");
}

TEST_CASE("linear scaling divides the frequencies") {
  const std::vector<float> plain = read(rotary_table(9, 4)),
                           slow = read(rotary_table(9, 4, {.slowed_by = 2}));
  for (std::size_t position = 0; position < 9; position += 2) {
    for (std::size_t i = 0; i < 4; ++i) CHECK(slow[position * 4 + i] == plain[position * 2 + i]);
  }
}

TEST_CASE("rms_norm equals transformers' T5LayerNorm") {
  const NamedArrays expected = read_safetensors(golden("attention/rms_norm.safetensors"));
  const Array& gamma = expected.at("gamma");
  const std::vector<float> found =
      compute(expected.at("x"), std::vector<std::int32_t>(5), [&](Graph& graph, Value x, Value) {
        return graph.rms_norm(x, Weight::from_memory("g", {37}, gamma.values<float>().data()),
                              1e-6f);
      });
  CHECK(worst_difference(found, expected.at("y")) < 2e-6);
}

}  // namespace weft::test
