// Disentangled attention as transformers' DeBERTa-v2 computes it.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "ops/position_table.h"
#include "tests/failure.h"
#include "tests/runtime/golden.h"
#include "weft/graph.h"
#include "weft/model.h"
#include "weft/session.h"

namespace weft::test {
namespace {

struct Settings {
  std::string name;
  std::int64_t buckets, max_distance;
  bool content_to_position, position_to_content, shared;
};

class Golden {
 public:
  explicit Golden(const std::string& name)
      : arrays_(read_safetensors(golden("attention/disentangled_" + name + ".safetensors"))) {}
  const Array& operator[](const std::string& name) const { return arrays_.at(name); }
  Weight weight(const std::string& name) const {
    const Array& array = arrays_.at(name);
    return Weight::from_memory(name, array.shape, array.values<float>().data());
  }

 private:
  NamedArrays arrays_;
};

Value dense(Graph& graph, const Golden& file, Value x, const std::string& name) {
  return graph.linear(x, file.weight(name + ".weight"), {.bias = file.weight(name + ".bias")});
}

/// Self-attention of every length of the file, in one batch.
void check(const Settings& settings) {
  const Golden file(settings.name);
  Graph graph;
  const RowSpace tokens = graph.ragged_rows("tokens");
  const Value x = graph.input("x", tokens, 24);
  const Value relative = graph.constant(file.weight("relative"));
  AttentionOptions options;
  options.heads = 2;
  const int terms = 1 + settings.content_to_position + settings.position_to_content;
  options.scale = static_cast<float>(1 / std::sqrt(12.0 * terms));
  options.positions.buckets = settings.buckets;
  options.positions.max_distance = settings.max_distance;
  if (settings.content_to_position) {
    options.positions.position_keys =
        dense(graph, file, relative, settings.shared ? "key_proj" : "pos_key_proj");
  }
  if (settings.position_to_content) {
    options.positions.position_queries =
        dense(graph, file, relative, settings.shared ? "query_proj" : "pos_query_proj");
  }
  graph.output(
      "y", graph
               .attention(dense(graph, file, x, "query_proj"), dense(graph, file, x, "key_proj"),
                          dense(graph, file, x, "value_proj"), options)
               .output);
  Session session(Model::compile(std::move(graph)),
                  {.tokens = 256, .sequences = 4, .longest = 130});
  std::vector<float> rows;
  std::vector<std::int32_t> offsets{0};
  for (const char* length : {"130", "1", "50", "7"}) {
    const auto values = file["x." + std::string(length)].values<float>();
    rows.insert(rows.end(), values.begin(), values.end());
    offsets.push_back(static_cast<std::int32_t>(rows.size() / 24));
  }
  const RaggedRows ragged{tokens, offsets};
  const Input inputs[]{{"x", std::span<const float>(rows)}};
  session.run({&ragged, 1}, inputs);
  const Tensor y = session.output("y");
  double worst = 0;
  std::int64_t row = 0;
  for (const char* length : {"130", "1", "50", "7"}) {
    const auto expected = file["y." + std::string(length)].values<float>();
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const auto place = static_cast<std::int64_t>(i);
      worst = std::max(
          worst, std::fabs(static_cast<double>(y.f32(row + place / 24)[place % 24]) - expected[i]));
    }
    row += static_cast<std::int64_t>(expected.size()) / 24;
  }
  MESSAGE(settings.name, ": worst difference ", worst);
  CHECK(worst < 1e-5);
}

}  // namespace

TEST_CASE("disentangled attention equals transformers' DeBERTa-v2") {
  check({"shared_log_buckets", 16, 40, true, true, true});
  check({"apart_no_buckets", 0, 24, true, true, false});
  check({"c2p_only", 8, 100, true, false, true});
  check({"p2c_only", 8, 30, false, true, true});
}

TEST_CASE("the rows of distances are transformers' log buckets") {
  const NamedArrays expected = read_safetensors(golden("attention/relative_positions.safetensors"));
  for (const auto& [buckets, farthest] :
       std::vector<std::pair<std::int64_t, std::int64_t>>{{256, 512}, {32, 64}, {8, 100}}) {
    CAPTURE(buckets);
    const auto& values =
        expected.at("deberta." + std::to_string(buckets) + "." + std::to_string(farthest))
            .values<std::int32_t>();
    const PositionRows rows = position_rows("attention", buckets, farthest);
    for (std::int64_t distance = -600; distance <= 600; ++distance) {
      const std::int64_t bucket =
          (distance < 0 ? -1 : 1) * values[static_cast<std::size_t>(std::abs(distance))];
      const std::int64_t row = std::clamp<std::int64_t>(buckets + bucket, 0, 2 * buckets - 1);
      const std::int64_t place = std::clamp(distance, -rows.radius, rows.radius) + rows.radius;
      CHECK(
          rows.used[static_cast<std::size_t>(rows.by_distance[static_cast<std::size_t>(place)])] ==
          row);
    }
  }
}

TEST_CASE(
    "position tables of another size are refused, naming both, and leave the graph as it is") {
  Graph graph;
  const RowSpace tokens = graph.ragged_rows("tokens");
  const Value x = graph.input("x", tokens, 24);
  const std::vector<float> values(32 * 24);
  AttentionOptions options;
  options.heads = 2;
  options.positions.max_distance = 20;
  options.positions.position_keys =
      graph.constant(Weight::from_memory("r", {32, 24}, values.data()));
  WEFT_CHECK_FAILS(graph.attention(x, x, x, options), "INVALID_ARGUMENT",
                   "[attention] position_keys: expected 40 fixed rows and 24 columns, found 32 and "
                   "24");
}

}  // namespace weft::test
