#include "weft/graph.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/reference.h"
#include "weft/error.h"
#include "weft/model.h"
#include "weft/session.h"

namespace weft {
namespace {

Weight weight(const std::vector<float>& values, std::int64_t rows, std::int64_t cols) {
  return Weight::from_memory("w", {rows, cols}, values.data());
}

/// The message of the Error that a call throws; empty if it throws none.
template <typename Call>
std::string error_of(const Call& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

}  // namespace

TEST_CASE("wrong shapes are refused when the graph is built, naming both sides") {
  Graph graph;
  const RowSpace tokens = graph.ragged_rows("tokens");
  const RowSpace others = graph.ragged_rows("others");
  const Value x = graph.input("x", tokens, 8);
  const Value y = graph.input("y", others, 8);
  const Value narrow = graph.input("narrow", tokens, 6);
  const std::vector<float> values(64, 1.0f);

  const std::string linear = error_of([&] { graph.linear(narrow, weight(values, 8, 8)); });
  CHECK(linear.find("[linear]") == 0);
  CHECK(linear.find('8') != std::string::npos);
  CHECK(linear.find('6') != std::string::npos);
  CHECK(error_of([&] { graph.add(x, narrow); }).find("[add]") == 0);
  CHECK(error_of([&] { graph.add(x, y); }).find("[add]") == 0);
  const std::string attention = error_of([&] { graph.attention(x, narrow, x, {}); });
  CHECK(attention.find("[attention]") == 0);
  CHECK(attention.find('8') != std::string::npos);
  CHECK(attention.find('6') != std::string::npos);
  CHECK(error_of([&] { graph.columns(x, 4, 5); }).find("[columns]") == 0);
  CHECK(error_of([&] { graph.columns(x, -1, 5); }).find("[columns]") == 0);
  CHECK(error_of([&] { graph.input("x", tokens, 8); }).find("[input] x") == 0);
  CHECK(error_of([&] {
          graph.pool(graph.constant(weight(values, 8, 8)), Pooling::kMean);
        }).find("[pool]") == 0);
  graph.output("out", x);
  CHECK(error_of([&] { graph.output("out", x); }).find("[output] out") == 0);
  CHECK(error_of([&] { graph.add(Value{99}, x); }).find("[add]") == 0);
  CHECK(error_of([&] { graph.fixed_rows(0); }).find("[fixed_rows]") == 0);
}

TEST_CASE("what depends on constants alone is computed when the model is compiled") {
  const std::vector<float> x{1, 0, 1, 0, 0, 2, 0, 2, 1, 1, 1, 1};
  const std::vector<float> wk{0, 0, 1, 1, 1, 0, 0, 1, 0, 1, 1, 0};
  const std::vector<float> wq{1, 0, 1, 1, 0, 0, 0, 0, 1, 0, 1, 1};
  const std::vector<float> wv{0, 2, 0, 0, 3, 0, 1, 0, 3, 1, 1, 0};
  Graph graph;
  const Value input = graph.constant(weight(x, 3, 4));
  const Value q = graph.matmul(input, graph.constant(weight(wq, 4, 3)));
  const Value k = graph.matmul(input, graph.constant(weight(wk, 4, 3)));
  const Value v = graph.matmul(input, graph.constant(weight(wv, 4, 3)));
  // Written out: scores, softmax, weighted sum.
  const Value scores = graph.matmul_transposed(q, k);
  graph.output("scores", scores);
  graph.output("composed", graph.matmul(graph.softmax(scores), v));
  // The fused operator.
  AttentionOptions options;
  options.scale = 1;
  graph.output("fused", graph.attention(q, k, v, options).output);
  const auto model = Model::compile(std::move(graph));

  Session session(model, {.tokens = 1, .sequences = 1, .longest = 1, .threads = 1});
  session.run({}, {});
  const double expected_scores[3][3]{{2, 4, 4}, {4, 16, 12}, {4, 12, 10}};
  const double expected[3][3]{{1.936621, 6.683105, 1.595068},
                              {1.999994, 7.963992, 0.053976},
                              {1.999705, 7.759892, 0.358389}};
  for (int i = 0; i < 3; ++i) {
    for (int j = 0; j < 3; ++j) {
      CHECK(session.output("scores").f32(i)[j] == doctest::Approx(expected_scores[i][j]));
      CHECK(std::abs(session.output("composed").f32(i)[j] - expected[i][j]) < 1e-6);
      CHECK(std::abs(session.output("fused").f32(i)[j] - expected[i][j]) < 1e-6);
    }
  }
}

TEST_CASE("a run-time matrix may be multiplied by itself") {
  Graph graph;
  const Value x = graph.input("x", graph.fixed_rows(3), 2);
  graph.output("gram", graph.matmul_transposed(graph.activation(x, Activation::kRelu), x));
  graph.output("self", graph.matmul_transposed(x, graph.activation(x, Activation::kRelu)));
  const auto model = Model::compile(std::move(graph));
  Session session(model, {.tokens = 1, .sequences = 1, .longest = 1, .threads = 2});
  const std::vector<float> x_values{1, -2, 3, 4, -5, 6};
  const Input input{"x", std::span<const float>(x_values)};
  session.run({}, {&input, 1});
  for (int i = 0; i < 3; ++i) {
    for (int j = 0; j < 3; ++j) {
      double gram = 0, self = 0;
      for (int k = 0; k < 2; ++k) {
        gram += std::max(0.0, double(x_values[2 * i + k])) * x_values[2 * j + k];
        self += std::max(0.0, double(x_values[2 * j + k])) * x_values[2 * i + k];
      }
      CHECK(session.output("gram").f32(i)[j] == gram);
      CHECK(session.output("self").f32(i)[j] == self);
    }
  }
}

TEST_CASE("a weight that several layers share is packed once, and computes the same in each") {
  const auto packed_bytes = [](const Weight& first, const Weight& second, Activation activation) {
    Graph graph;
    const Value x = graph.input("x", graph.ragged_rows("tokens"), 8);
    LinearOptions options;
    options.activation = activation;
    graph.output("y", graph.linear(graph.linear(x, first), second, options));
    return Model::compile(std::move(graph))->packed_bytes();
  };
  const std::vector<float> values(64, 0.5f), others(64, 0.25f);
  const Weight shared = weight(values, 8, 8);
  const std::size_t twice = packed_bytes(shared, weight(others, 8, 8), Activation::kNone);
  CHECK(packed_bytes(shared, shared, Activation::kNone) == twice / 2);
  CHECK(packed_bytes(shared, shared, Activation::kRelu) == twice);

  Graph graph;
  const RowSpace tokens = graph.ragged_rows("tokens");
  const Value once = graph.linear(graph.input("x", tokens, 8), shared);
  graph.output("once", once);
  graph.output("again", graph.linear(once, shared));
  SessionLimits limits;
  limits.threads = 1;
  Session session(Model::compile(std::move(graph)), limits);
  const std::vector<float> x(16, 1.0f);
  const std::vector<std::int32_t> offsets{0, 2};
  const RaggedRows rows{tokens, offsets};
  const Input input{"x", std::span<const float>(x)};
  session.run({&rows, 1}, {&input, 1});
  CHECK(session.output("once").f32(1)[7] == 4.0f);
  CHECK(session.output("again").f32(1)[7] == 16.0f);
}

}  // namespace weft
