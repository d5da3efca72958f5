// Random graphs against a naive double interpreter of the same random choices. Wrong lifetimes,
// aliasing, views or stage cuts show up as wrong numbers.
#include <doctest/doctest.h>

#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "tests/reference.h"
#include "weft/graph.h"
#include "weft/model.h"
#include "weft/session.h"

namespace weft {
namespace {

struct Node {
  Value value;
  test::Matrix rows;
  std::int64_t cols() const { return static_cast<std::int64_t>(rows[0].size()); }
};

test::Matrix map(const test::Matrix& a, double (*f)(double)) {
  test::Matrix y = a;
  for (auto& row : y) {
    for (double& value : row) value = f(value);
  }
  return y;
}

test::Matrix attend(const test::Matrix& q, const test::Matrix& k, const test::Matrix& v,
                    const std::vector<std::int32_t>& offsets) {
  test::Matrix y;
  for (std::size_t s = 0; s + 1 < offsets.size(); ++s) {
    for (std::int32_t i = offsets[s]; i < offsets[s + 1]; ++i) {
      std::vector<double> scores;
      for (std::int32_t j = offsets[s]; j < offsets[s + 1]; ++j) {
        double dot = 0;
        for (std::size_t c = 0; c < q[i].size(); ++c) dot += q[i][c] * k[j][c];
        scores.push_back(dot / std::sqrt(static_cast<double>(q[i].size())));
      }
      const std::vector<double> weights = test::softmax(scores);
      std::vector<double> row(v[0].size(), 0);
      for (std::size_t j = 0; j < weights.size(); ++j) {
        for (std::size_t c = 0; c < row.size(); ++c) row[c] += weights[j] * v[offsets[s] + j][c];
      }
      y.push_back(row);
    }
  }
  return y;
}

/// A graph of random operators together with what each of its values must be.
class RandomGraph {
 public:
  RandomGraph(std::uint32_t seed, std::vector<std::int32_t> offsets)
      : random_(seed), offsets_(std::move(offsets)) {
    tokens_ = graph_.ragged_rows("tokens");
    const std::int64_t cols = 8 + random_() % 30;
    input_ = test::random_floats(static_cast<std::size_t>(rows() * cols), seed);
    Node x{graph_.input("x", tokens_, cols), {}};
    for (std::int64_t i = 0; i < rows(); ++i) {
      x.rows.emplace_back(input_.begin() + i * cols, input_.begin() + (i + 1) * cols);
    }
    nodes_.push_back(x);
    const int count = 4 + static_cast<int>(random_() % 12);
    for (int i = 0; i < count; ++i) add_node();
  }

  std::int64_t rows() const { return offsets_.back(); }
  const std::vector<Node>& nodes() const { return nodes_; }
  const std::vector<std::int32_t>& offsets() const { return offsets_; }
  RowSpace tokens() const { return tokens_; }
  std::span<const float> input() const { return input_; }

  std::shared_ptr<const Model> compile() {
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      graph_.output("value" + std::to_string(i), nodes_[i].value);
    }
    return Model::compile(std::move(graph_));
  }

 private:
  const Node& any() { return nodes_[random_() % nodes_.size()]; }

  const Node* any_of_width(std::int64_t cols) {
    for (int attempt = 0; attempt < 10; ++attempt) {
      const Node& node = any();
      if (node.cols() == cols) return &node;
    }
    return nullptr;
  }

  void add_node() {
    const Node a = any();
    const Node* same = any_of_width(a.cols());
    const Node b = same != nullptr ? *same : a;
    Node y;
    switch (random_() % 7) {
      case 0: y = {graph_.activation(a.value, Activation::kTanh), map(a.rows, std::tanh)}; break;
      case 1: y = combine(a, b); break;
      case 2: y = linear(a, b); break;
      case 3: {
        y = {graph_.softmax(a.value), a.rows};
        for (auto& row : y.rows) row = test::softmax(row);
        break;
      }
      case 4: {
        y = {graph_.attention(a.value, b.value, b.value, {}).output,
             attend(a.rows, b.rows, b.rows, offsets_)};
        break;
      }
      case 5: {
        const std::int64_t first = random_() % a.cols();
        const std::int64_t count = 1 + random_() % (a.cols() - first);
        y = {graph_.columns(a.value, first, count), a.rows};
        for (auto& row : y.rows) row = {row.begin() + first, row.begin() + first + count};
        break;
      }
      default: {
        y = {graph_.normalize(a.value), a.rows};
        for (auto& row : y.rows) {
          double norm = 0;
          for (double value : row) norm += value * value;
          for (double& value : row) value /= std::max(std::sqrt(norm), 1e-12);
        }
        break;
      }
    }
    nodes_.push_back(std::move(y));
  }

  Node combine(const Node& a, const Node& b) {
    Node y{graph_.add(a.value, b.value), a.rows};
    for (std::size_t i = 0; i < y.rows.size(); ++i) {
      for (std::size_t c = 0; c < y.rows[i].size(); ++c) y.rows[i][c] += b.rows[i][c];
    }
    return y;
  }

  Node linear(const Node& a, const Node& residual) {
    const std::int64_t out = residual.cols();
    weights_.push_back(test::random_floats(static_cast<std::size_t>(out * a.cols()),
                                           static_cast<std::uint32_t>(random_()), 0.2f));
    const std::vector<float>& w = weights_.back();
    LinearOptions options;
    options.activation = Activation::kRelu;
    options.residual = residual.value;
    Node y{graph_.linear(a.value, Weight::from_memory("w", {out, a.cols()}, w.data()), options),
           residual.rows};
    for (std::size_t i = 0; i < y.rows.size(); ++i) {
      for (std::int64_t n = 0; n < out; ++n) {
        double sum = 0;
        for (std::int64_t k = 0; k < a.cols(); ++k) sum += a.rows[i][k] * w[n * a.cols() + k];
        y.rows[i][n] += std::max(0.0, sum);
      }
    }
    return y;
  }

  std::mt19937 random_;
  std::vector<std::int32_t> offsets_;
  Graph graph_;
  RowSpace tokens_;
  std::vector<float> input_;
  std::vector<Node> nodes_;
  std::vector<std::vector<float>> weights_;
};

void check_against_reference(const Node& node, const Tensor& found) {
  REQUIRE(found.rows == static_cast<std::int64_t>(node.rows.size()));
  REQUIRE(found.cols == node.cols());
  double largest = 0, worst = 0;
  for (std::int64_t i = 0; i < found.rows; ++i) {
    for (std::int64_t c = 0; c < found.cols; ++c) {
      largest = std::max(largest, std::abs(node.rows[i][c]));
      worst = std::max(worst, std::abs(node.rows[i][c] - found.f32(i)[c]));
    }
  }
  CHECK(worst <= 1e-4 * std::max(largest, 1.0));
}

}  // namespace

TEST_CASE("random graphs equal a naive interpreter, and asking for fewer outputs changes no bit") {
  const std::vector<std::vector<std::int32_t>> shapes{{0, 5}, {0, 1, 4, 40}, {0, 150, 151, 300}};
  for (std::uint32_t seed = 1; seed <= 45; ++seed) {
    CAPTURE(seed);
    RandomGraph random(seed, shapes[seed % shapes.size()]);
    const auto model = random.compile();
    const SessionLimits limits{.tokens = 300, .sequences = 3, .longest = 150, .threads = 2};
    Session all(model, limits);
    const RaggedRows rows{random.tokens(), random.offsets()};
    const Input input{"x", random.input()};
    all.run({&rows, 1}, {&input, 1});
    for (std::size_t i = 0; i < random.nodes().size(); ++i) {
      CAPTURE(i);
      const std::string name = "value" + std::to_string(i);
      const Tensor expected = all.output(name);
      check_against_reference(random.nodes()[i], expected);
      if (i % 3 != seed % 3) continue;
      Session one(model, limits, {name});
      one.set_threads(1 + static_cast<int>(seed % 2));
      one.run({&rows, 1}, {&input, 1});
      const Tensor alone = one.output(name);
      std::int64_t different = 0;
      for (std::int64_t r = 0; r < expected.rows; ++r) {
        for (std::int64_t c = 0; c < expected.cols; ++c) {
          different += expected.f32(r)[c] != alone.f32(r)[c];
        }
      }
      CHECK(different == 0);
    }
  }
}

}  // namespace weft
