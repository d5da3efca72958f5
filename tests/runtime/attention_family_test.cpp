// Operators of the attention family in graphs: what runs check, and what several operators make.
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "tests/failure.h"
#include "tests/reference.h"
#include "weft/model.h"
#include "weft/positions.h"
#include "weft/session.h"

namespace weft::test {
namespace {

Input floats(std::string_view name, const std::vector<float>& values) {
  return {name, std::span<const float>(values)};
}
Input integers(std::string_view name, const std::vector<std::int32_t>& values) {
  return {name, std::span<const std::int32_t>(values)};
}

struct GruWeights {
  std::vector<float> weight_ih, weight_hh, bias_ih, bias_hh;
  GruLayer layer;

  GruWeights(std::int64_t in, std::int64_t size, std::uint32_t seed)
      : weight_ih(random_floats(static_cast<std::size_t>(3 * size * in), seed, 0.4f)),
        weight_hh(random_floats(static_cast<std::size_t>(3 * size * size), seed + 1, 0.4f)),
        bias_ih(random_floats(static_cast<std::size_t>(3 * size), seed + 2)),
        bias_hh(random_floats(static_cast<std::size_t>(3 * size), seed + 3)) {
    layer = {Weight::from_memory("weight_ih", {3 * size, in}, weight_ih.data()),
             Weight::from_memory("weight_hh", {3 * size, size}, weight_hh.data()),
             Weight::from_memory("bias_ih", {3 * size}, bias_ih.data()),
             Weight::from_memory("bias_hh", {3 * size}, bias_hh.data())};
  }
};

}  // namespace

TEST_CASE("key lengths beyond the keys, and offsets that fall, are refused by name before a run") {
  const std::vector<float> ones(16, 1.0f);
  Graph graph;
  const RowSpace queries = graph.ragged_rows("queries");
  const RowSpace keys = graph.ragged_rows("keys");
  const Value q = graph.input("q", queries, 4);
  const Value k = graph.input("k", keys, 4);
  const Value lengths = graph.input_ids("lengths", graph.sequence_rows(keys));
  graph.output("context",
               graph
                   .additive_attention(q, k, k, Weight::from_memory("w", {4}, ones.data()),
                                       {.key_lengths = lengths})
                   .output);
  Session session(Model::compile(std::move(graph)),
                  {.tokens = 8, .sequences = 4, .longest = 4, .threads = 1});
  const std::vector<std::int32_t> two{0, 1, 2}, of_keys{0, 2, 4};
  const std::vector<float> q_rows(8, 0.5f), k_rows(16, 0.25f);
  const auto run = [&](const std::vector<std::int32_t>& key_offsets,
                       const std::vector<std::int32_t>& seen) {
    const RaggedRows rows[]{{queries, two}, {keys, key_offsets}};
    const Input inputs[]{floats("q", q_rows), floats("k", k_rows), integers("lengths", seen)};
    session.run(rows, inputs);
  };
  run(of_keys, {2, 0});
  CHECK(session.output("context").f32(0)[0] == doctest::Approx(0.25));
  CHECK(session.output("context").f32(1)[0] == 0);
  WEFT_CHECK_FAILS(run(of_keys, {2, 3}), "OUT_OF_RANGE",
                   "lengths from 0 to 2, the rows of sequence 1 in keys, found 3 at row 1");
  WEFT_CHECK_FAILS(run({0, 3, 1}, {1, 1}), "INVALID_ARGUMENT",
                   "offsets of keys: expected to rise, found 1 after 3");
  WEFT_CHECK_FAILS(run({0, 4}, {1, 1}), "INVALID_ARGUMENT",
                   "expected as many sequences in keys as in queries, found 1 and 2");
}

TEST_CASE("a softmax's lengths beyond its columns are refused by name before a run") {
  Graph graph;
  const RowSpace rows = graph.ragged_rows("rows");
  const Value lengths = graph.input_ids("lengths", rows);
  graph.output("y", graph.masked_softmax(graph.input("x", rows, 3), {.lengths = lengths}));
  Session session(Model::compile(std::move(graph)),
                  {.tokens = 4, .sequences = 4, .longest = 4, .threads = 2});
  const std::vector<std::int32_t> offsets{0, 2};
  const std::vector<float> x{1, 1, NAN, NAN, NAN, NAN};
  const auto run = [&](const std::vector<std::int32_t>& seen) {
    const RaggedRows ragged{rows, offsets};
    const Input inputs[]{floats("x", x), integers("lengths", seen)};
    session.run({&ragged, 1}, inputs);
  };
  run({2, 0});
  const Tensor y = session.output("y");
  CHECK(std::vector<float>(y.f32(0), y.f32(0) + 3) == std::vector<float>{0.5f, 0.5f, 0});
  CHECK(std::vector<float>(y.f32(1), y.f32(1) + 3) == std::vector<float>{0, 0, 0});
  WEFT_CHECK_FAILS(run({2, 4}), "OUT_OF_RANGE", "lengths: expected ids from 0 to 3, found 4");
}

TEST_CASE("attention of every kind refuses widths that differ when the graph is built") {
  const std::vector<float> ones(16, 1.0f);
  Graph graph;
  const RowSpace rows = graph.ragged_rows("rows");
  const Value four = graph.input("four", rows, 4), five = graph.input("five", rows, 5);
  WEFT_CHECK_FAILS(graph.attention(four, five, four, {}), "INVALID_ARGUMENT",
                   "found q with 4 columns (head size 4), k with 5");
  WEFT_CHECK_FAILS(
      graph.additive_attention(four, five, four, Weight::from_memory("w", {4}, ones.data())),
      "INVALID_ARGUMENT", "found q with 4 columns, k with 5");
  WEFT_CHECK_FAILS(graph.kernel_regression(five, four, four), "INVALID_ARGUMENT",
                   "found q with 5, k with 4");
  const GruWeights gru(5, 3, 1);
  WEFT_CHECK_FAILS(graph.gru(four, {gru.layer}), "INVALID_ARGUMENT",
                   "weight_ih: expected out_features x 4, found 9 x 5");
  WEFT_CHECK_FAILS(graph.gru(five, {}), "INVALID_ARGUMENT", "expected at least 1 layer");
  WEFT_CHECK_FAILS(graph.gru(five, {gru.layer}, {four, four}), "INVALID_ARGUMENT",
                   "expected a first state for each of 1 layers, found 2");
}

TEST_CASE("layers of GRU over whole sequences give the bits of their cells step by step") {
  constexpr std::int64_t kIn = 5, kSize = 19;
  const GruWeights first(kIn, kSize, 1), second(kSize, kSize, 11);
  Graph whole;
  const RowSpace tokens = whole.ragged_rows("tokens");
  const RowSpace sequences = whole.sequence_rows(tokens);
  const GruValues states =
      whole.gru(whole.input("x", tokens, kIn), {first.layer, second.layer},
                {whole.input("h0", sequences, kSize), whole.input("h1", sequences, kSize)});
  whole.output("states", states.states);
  whole.output("last0", states.last[0]);
  whole.output("last1", states.last[1]);
  Session over_time(Model::compile(std::move(whole)),
                    {.tokens = 32, .sequences = 4, .longest = 16, .threads = 2});
  Graph step;
  const RowSpace rows = step.ragged_rows("rows");
  const Value next0 =
      step.gru_cell(step.input("x", rows, kIn), step.input("h0", rows, kSize), first.layer);
  step.output("h0", next0);
  step.output("h1", step.gru_cell(next0, step.input("h1", rows, kSize), second.layer));
  Session cell(Model::compile(std::move(step)),
               {.tokens = 4, .sequences = 4, .longest = 1, .threads = 1});

  const std::vector<std::int32_t> offsets{0, 4, 5, 12};
  const std::vector<float> x = random_floats(12 * kIn, 21);
  std::vector<float> h0 = random_floats(3 * kSize, 22), h1 = random_floats(3 * kSize, 23);
  const RaggedRows ragged{tokens, offsets};
  const Input inputs[]{floats("x", x), floats("h0", h0), floats("h1", h1)};
  over_time.run({&ragged, 1}, inputs);

  const std::vector<std::int32_t> single{0, 1};
  for (std::size_t s = 0; s < 3; ++s) {
    std::vector<float> a(h0.begin() + static_cast<std::ptrdiff_t>(s) * kSize,
                         h0.begin() + static_cast<std::ptrdiff_t>(s + 1) * kSize);
    std::vector<float> b(h1.begin() + static_cast<std::ptrdiff_t>(s) * kSize,
                         h1.begin() + static_cast<std::ptrdiff_t>(s + 1) * kSize);
    for (std::int32_t t = offsets[s]; t < offsets[s + 1]; ++t) {
      const RaggedRows one{rows, single};
      const Input now[]{
          {"x", std::span<const float>(x).subspan(t * kIn, kIn)}, floats("h0", a), floats("h1", b)};
      cell.run({&one, 1}, now);
      const Tensor c = cell.output("h0"), d = cell.output("h1");
      a.assign(c.f32(), c.f32() + kSize);
      b.assign(d.f32(), d.f32() + kSize);
      CHECK(std::memcmp(b.data(), over_time.output("states").f32(t), kSize * sizeof(float)) == 0);
    }
    const auto row = static_cast<std::int64_t>(s);
    CHECK(std::memcmp(a.data(), over_time.output("last0").f32(row), kSize * sizeof(float)) == 0);
    CHECK(std::memcmp(b.data(), over_time.output("last1").f32(row), kSize * sizeof(float)) == 0);
  }
}

TEST_CASE("sinusoids are those of the paper, for odd widths and in Marian's order too") {
  constexpr std::int64_t kPositions = 40;
  for (std::int64_t columns : {1, 2, 7, 8}) {
    std::vector<float> interleaved(kPositions * columns), halves(interleaved.size());
    sinusoid_table(kPositions, columns).read_f32(0, kPositions, interleaved.data());
    sinusoid_table(kPositions, columns, SinusoidOrder::kHalves)
        .read_f32(0, kPositions, halves.data());
    for (std::int64_t p = 0; p < kPositions; ++p) {
      for (std::int64_t c = 0; c < columns; ++c) {
        const double angle =
            static_cast<double>(p) /
            std::pow(10000.0, static_cast<double>(c - c % 2) / static_cast<double>(columns));
        const double expected = c % 2 == 0 ? std::sin(angle) : std::cos(angle);
        const std::int64_t half = c % 2 == 0 ? c / 2 : (columns + 1) / 2 + c / 2;
        CHECK(interleaved[p * columns + c] == static_cast<float>(expected));
        CHECK(halves[p * columns + half] == static_cast<float>(expected));
      }
    }
  }
  WEFT_CHECK_FAILS(sinusoid_table(0, 4), "INVALID_ARGUMENT",
                   "[sinusoid_table] positions: expected 1 to");
  WEFT_CHECK_FAILS(sinusoid_table(4, 0), "INVALID_ARGUMENT",
                   "[sinusoid_table] columns: expected 1 to");
}

}  // namespace weft::test
