// The code of docs/attention.md, run. What lies between two marks is shown there, letter by letter.
#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "tests/failure.h"
#include "tests/reference.h"
#include "tests/runtime/golden.h"
#include "weft/weft.h"

namespace weft::test {
namespace {

// [run]
Session run(Graph graph, const std::vector<RaggedRows>& rows, const std::vector<Input>& inputs) {
  Session session(Model::compile(std::move(graph)), {.tokens = 64, .sequences = 8, .longest = 32});
  session.run(rows, inputs);
  return session;
}
// [end]

Weight matrix(const char* name, std::int64_t rows, std::int64_t cols,
              const std::vector<float>& values) {
  REQUIRE(static_cast<std::int64_t>(values.size()) == rows * cols);
  return Weight::from_memory(name, {rows, cols}, values.data());
}

void check_rows(const Tensor& found, const std::vector<double>& expected, double tolerance = 1e-6) {
  REQUIRE(static_cast<std::size_t>(found.rows * found.cols) == expected.size());
  for (std::int64_t i = 0; i < found.rows; ++i) {
    for (std::int64_t j = 0; j < found.cols; ++j) {
      CAPTURE(i);
      CAPTURE(j);
      CHECK(std::fabs(static_cast<double>(found.f32(i)[j]) -
                      expected[static_cast<std::size_t>(i * found.cols + j)]) < tolerance);
    }
  }
}

}  // namespace

TEST_CASE("A1: similarity pooling") {
  const std::vector<float> x{1, 0, 1, 0, 0, 2, 0, 2, 1, 1, 1, 1}, y{1, 0.5f, 0, -1};
  const std::vector<std::int32_t> one{0, 1}, three{0, 3};
  // [A1]
  Graph graph;
  const RowSpace queries = graph.ragged_rows("queries"), keys = graph.ragged_rows("keys");
  const Value rows = graph.input("x", keys, 4);
  const Value query = graph.input("y", queries, 4);
  graph.output("h", graph.attention(query, rows, rows, {.scale = 1}).output);
  const Session session =
      run(std::move(graph), {{queries, one}, {keys, three}}, {{"x", x}, {"y", y}});
  const Tensor h = session.output("h");  // 0.922304 0.503599 0.922304 0.503599
  // [end]
  check_rows(h, {0.922304, 0.503599, 0.922304, 0.503599});
}

TEST_CASE("A2: scaled dot-product attention") {
  const std::vector<float> x{1, 0, 1, 0, 0, 2, 0, 2, 1, 1, 1, 1};
  const std::vector<float> k{0, 0, 1, 1, 1, 0, 0, 1, 0, 1, 1, 0};
  const std::vector<float> q{1, 0, 1, 1, 0, 0, 0, 0, 1, 0, 1, 1};
  const std::vector<float> v{0, 2, 0, 0, 3, 0, 1, 0, 3, 1, 1, 0};
  const Weight X = matrix("X", 3, 4, x), W_q = matrix("W_q", 4, 3, q), W_k = matrix("W_k", 4, 3, k),
               W_v = matrix("W_v", 4, 3, v);
  // [A2]
  Graph graph;
  const Value in = graph.constant(X);
  const Value Q = graph.matmul(in, graph.constant(W_q));
  const Value K = graph.matmul(in, graph.constant(W_k));
  const Value V = graph.matmul(in, graph.constant(W_v));
  graph.output("unscaled", graph.attention(Q, K, V, {.scale = 1}).output);
  graph.output("scaled", graph.attention(Q, K, V, {}).output);  // 1 / sqrt(3)
  const Session session = run(std::move(graph), {}, {});
  const Tensor first = session.output("unscaled");  // 1.936621 6.683105 1.595068, ...
  // [end]
  check_rows(first, {1.936621, 6.683105, 1.595068, 1.999994, 7.963992, 0.053976, 1.999705, 7.759892,
                     0.358389});
  std::vector<double> expected;
  const double scores[3][3]{{2, 4, 4}, {4, 16, 12}, {4, 12, 10}};
  const double values[3][3]{{1, 2, 3}, {2, 8, 0}, {2, 6, 3}};
  for (const auto& row : scores) {
    std::vector<double> scaled;
    for (double score : row) scaled.push_back(score / std::sqrt(3.0));
    const std::vector<double> weights = softmax(scaled);
    for (int j = 0; j < 3; ++j) {
      expected.push_back(weights[0] * values[0][j] + weights[1] * values[1][j] +
                         weights[2] * values[2][j]);
    }
  }
  check_rows(session.output("scaled"), expected);
}

TEST_CASE("A2: the second worked example, scaled by 1 / sqrt(3)") {
  const std::vector<float> x{.1f, .2f, .3f, .4f, .5f, .6f, .7f, .8f, .9f};
  const std::vector<float> k{.1f, .3f, .5f, .2f, .4f, .6f, .3f, .5f, .7f};
  Graph graph;
  const Value in = graph.constant(matrix("X", 3, 3, x));
  const Value q = graph.matmul(in, graph.constant(matrix("W_q", 3, 3, x)));
  const Value keys = graph.matmul(in, graph.constant(matrix("W_k", 3, 3, k)));
  graph.output("Z", graph.attention(q, keys, q, {}).output);
  check_rows(run(std::move(graph), {}, {}).output("Z"),
             {.716341, .880426, 1.044511, .782891, .963614, 1.144337, .840248, 1.035309, 1.230371});
}

TEST_CASE("A3: additive attention") {
  // Keys are all alike: the context is the mean of the values that the lengths leave.
  const std::vector<float> queries_in = random_floats(2 * 20, 1), keys_in(2 * 10 * 2, 1.0f);
  std::vector<float> values_in(2 * 10 * 4);
  for (std::size_t i = 0; i < values_in.size(); ++i) values_in[i] = static_cast<float>(i % 40);
  const std::vector<float> wq = random_floats(8 * 20, 2), wk = random_floats(8 * 2, 3),
                           wv = random_floats(8, 4);
  const Weight W_q = matrix("W_q", 8, 20, wq), W_k = matrix("W_k", 8, 2, wk),
               w_v = matrix("w_v", 1, 8, wv);
  const std::vector<std::int32_t> single{0, 1, 2}, tens{0, 10, 20}, valid{2, 6};
  // [A3]
  Graph graph;
  const RowSpace queries = graph.ragged_rows("queries"), keys = graph.ragged_rows("keys");
  const Value q = graph.linear(graph.input("queries", queries, 20), W_q);  // (2, 8)
  const Value k = graph.linear(graph.input("keys", keys, 2), W_k);         // (20, 8)
  const Value values = graph.input("values", keys, 4);
  const Value lengths = graph.input_ids("lengths", graph.sequence_rows(keys));
  graph.output("context",
               graph.additive_attention(q, k, values, w_v, {.key_lengths = lengths}).output);
  const Session session =
      run(std::move(graph), {{queries, single}, {keys, tens}},
          {{"queries", queries_in}, {"keys", keys_in}, {"values", values_in}, {"lengths", valid}});
  const Tensor context = session.output("context");  // 2 3 4 5 and 10 11 12 13
  // [end]
  check_rows(context, {2, 3, 4, 5, 10, 11, 12, 13}, 1e-5);
}

TEST_CASE("A4: kernel regression") {
  const std::vector<float> k{0.2f, 0.9f, 1.7f, 2.4f, 3.1f, 4.6f}, q{0, 1, 2.5f, 5};
  std::vector<float> v;
  for (double key : {0.2, 0.9, 1.7, 2.4, 3.1, 4.6}) {
    v.push_back(static_cast<float>(2 * std::sin(key) + std::pow(key, 0.8)));
  }
  const std::vector<float> width{2.5f};
  const Weight w = Weight::from_memory("w", {1}, width.data());
  const std::vector<std::int32_t> four{0, 4}, six{0, 6};
  // [A4]
  Graph graph;
  const RowSpace queries = graph.ragged_rows("queries"), keys = graph.ragged_rows("keys");
  const Value at = graph.input("q", queries, 1);
  const Value known = graph.input("k", keys, 1), values = graph.input("v", keys, 1);
  graph.output("plain", graph.kernel_regression(at, known, values).output);
  graph.output("loaded", graph.kernel_regression(at, known, values, w).output);  // w = 2.5
  const Session session =
      run(std::move(graph), {{queries, four}, {keys, six}}, {{"q", q}, {"k", k}, {"v", v}});
  const Tensor plain = session.output("plain");    // 1.723332 2.426738 2.960166 1.638655
  const Tensor loaded = session.output("loaded");  // 0.823511 2.469634 3.195157 1.402693
  // [end]
  check_rows(plain, {1.723332, 2.426738, 2.960166, 1.638655});
  check_rows(loaded, {0.823511, 2.469634, 3.195157, 1.402693});
}

TEST_CASE("A5: masked softmax") {
  const std::vector<float> scores{0, 0, NAN, 1, 1, 1, NAN, NAN, NAN};
  const std::vector<std::int32_t> counts{2, 3, 0}, three{0, 3};
  // [A5]
  Graph graph;
  const RowSpace rows = graph.ragged_rows("rows");
  const Value x = graph.input("scores", rows, 3);
  const Value lengths = graph.input_ids("lengths", rows);  // one per row; or per sequence
  graph.output("weights", graph.masked_softmax(x, {.lengths = lengths}));
  const Session session =
      run(std::move(graph), {{rows, three}}, {{"scores", scores}, {"lengths", counts}});
  const Tensor weights = session.output("weights");  // 1/2 1/2 0, thirds, zeros
  // [end]
  check_rows(weights, {0.5, 0.5, 0, 1.0 / 3, 1.0 / 3, 1.0 / 3, 0, 0, 0});
}

TEST_CASE("A6: multi-head attention, across two sets of rows") {
  constexpr std::int64_t kHeads = 3, kSize = 5, kCols = kHeads * kSize;
  const std::vector<float> x = random_floats(2 * kCols, 1), y = random_floats(7 * kCols, 2);
  const std::vector<float> wq = random_floats(kCols * kCols, 3, 0.3f),
                           wk = random_floats(kCols * kCols, 4, 0.3f),
                           wv = random_floats(kCols * kCols, 5, 0.3f),
                           wo = random_floats(kCols * kCols, 6, 0.3f), b = random_floats(kCols, 7);
  const Weight W_q = matrix("W_q", kCols, kCols, wq), W_k = matrix("W_k", kCols, kCols, wk),
               W_v = matrix("W_v", kCols, kCols, wv), W_o = matrix("W_o", kCols, kCols, wo),
               b_o = Weight::from_memory("b_o", {kCols}, b.data());
  const std::vector<std::int32_t> two{0, 2}, seven{0, 7};
  // [A6]
  Graph graph;
  const RowSpace targets = graph.ragged_rows("targets"), sources = graph.ragged_rows("sources");
  const Value from = graph.input("x", targets, 15), to = graph.input("y", sources, 15);
  const Value kv = graph.linear(to, {{W_k, {}}, {W_v, {}}});  // one product: (sources, 30)
  const Value heads = graph
                          .attention(graph.linear(from, W_q), graph.columns(kv, 0, 15),
                                     graph.columns(kv, 15, 15), {.heads = 3})
                          .output;
  graph.output("out", graph.linear(heads, W_o, {.bias = b_o}));
  const Session session =
      run(std::move(graph), {{targets, two}, {sources, seven}}, {{"x", x}, {"y", y}});
  // [end]
  const auto project = [](const std::vector<double>& in, const std::vector<float>& weight) {
    std::vector<double> out(kCols);
    for (std::int64_t i = 0; i < kCols; ++i) {
      for (std::int64_t j = 0; j < kCols; ++j) out[i] += weight[i * kCols + j] * in[j];
    }
    return out;
  };
  const auto row = [](const std::vector<float>& rows, std::int64_t i) {
    return std::vector<double>(rows.begin() + i * kCols, rows.begin() + (i + 1) * kCols);
  };
  std::vector<double> expected;
  for (std::int64_t i = 0; i < 2; ++i) {
    const std::vector<double> q = project(row(x, i), wq);
    std::vector<double> seen(kCols);
    for (std::int64_t h = 0; h < kHeads; ++h) {
      std::vector<double> scores(7);
      for (std::int64_t j = 0; j < 7; ++j) {
        const std::vector<double> k = project(row(y, j), wk);
        for (std::int64_t c = h * kSize; c < (h + 1) * kSize; ++c) scores[j] += q[c] * k[c];
        scores[j] /= std::sqrt(static_cast<double>(kSize));
      }
      const std::vector<double> weights = softmax(scores);
      for (std::int64_t j = 0; j < 7; ++j) {
        const std::vector<double> v = project(row(y, j), wv);
        for (std::int64_t c = h * kSize; c < (h + 1) * kSize; ++c) seen[c] += weights[j] * v[c];
      }
    }
    const std::vector<double> out = project(seen, wo);
    for (std::int64_t c = 0; c < kCols; ++c) expected.push_back(out[c] + b[c]);
  }
  check_rows(session.output("out"), expected, 2e-5);
}

TEST_CASE("A7: the plain multi-head self-attention module, from a file") {
  const std::filesystem::path directory = golden("self_attention/biased");
  const NamedArrays inputs = read_safetensors(directory / "vectors.input.safetensors");
  // [A7]
  const auto module = TransformerModel::load(directory);  // config.json, model.safetensors
  ForwardOptions options;
  options.attentions = AttentionOutput::kAll;
  const NamedArrays out = module->forward(inputs, options);
  const Array& y = out.at("last_hidden_state");   // (tokens, 20), as inputs["inputs"]
  const Array& weights = out.at("attentions.0");  // (sequences, 4 heads, longest, longest)
  // [end]
  const NamedArrays expected = read_safetensors(directory / "vectors.expected.safetensors");
  CHECK(difference(expected.at("last_hidden_state"), y, 2e-5) == "");
  CHECK(difference(expected.at("attentions.0"), weights, 2e-5) == "");
}

TEST_CASE("A8: positional encodings, added to token embeddings") {
  const std::vector<float> words = random_floats(10 * 5, 1);
  const Weight table = matrix("words", 10, 5, words);
  const std::vector<std::int32_t> ids{3, 3, 9}, places{0, 1, 2}, three{0, 3};
  // [A8]
  Graph graph;
  const RowSpace tokens = graph.ragged_rows("tokens");
  const Value word = graph.input_ids("ids", tokens), place = graph.input_ids("places", tokens);
  graph.output("x", graph.embedding({{table, word}, {sinusoid_table(64, 5), place}}));
  const Session session =
      run(std::move(graph), {{tokens, three}}, {{"ids", ids}, {"places", places}});
  // [end]
  std::vector<double> expected;
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t c = 0; c < 5; ++c) {
      const double angle =
          static_cast<double>(i) / std::pow(10000.0, static_cast<double>(c - c % 2) / 5);
      expected.push_back(words[static_cast<std::size_t>(ids[i]) * 5 + c] +
                         (c % 2 == 0 ? std::sin(angle) : std::cos(angle)));
    }
  }
  check_rows(session.output("x"), expected);
}

TEST_CASE("A9: a layer of the Transformer's encoder, by PyTorch's names") {
  const std::filesystem::path directory = golden("torch_encoder_layer/post_norm");
  const NamedArrays inputs = read_safetensors(directory / "vectors.input.safetensors");
  const auto x_values = inputs.at("inputs").values<float>();
  const std::vector<std::int32_t> offsets{0, 7, 8, 12};
  // [A9]
  Graph graph;
  const RowSpace tokens = graph.ragged_rows("tokens");
  const Weights file = Weights::open(directory);
  const auto w = [&](const char* name) { return file.get(name); };
  const Value x = graph.input("x", tokens, 18);
  const Value qkv =
      graph.linear(x, w("self_attn.in_proj_weight"), {.bias = w("self_attn.in_proj_bias")});
  const Value seen = graph
                         .attention(graph.columns(qkv, 0, 18), graph.columns(qkv, 18, 18),
                                    graph.columns(qkv, 36, 18), {.heads = 3})
                         .output;
  const Value y = graph.linear(seen, w("self_attn.out_proj.weight"),
                               {.bias = w("self_attn.out_proj.bias"), .residual = x});
  const Value z = graph.layer_norm(y, w("norm1.weight"), w("norm1.bias"), 1e-5f);
  const Value up = graph.linear(z, w("linear1.weight"),
                                {.bias = w("linear1.bias"), .activation = Activation::kRelu});
  const Value down =
      graph.linear(up, w("linear2.weight"), {.bias = w("linear2.bias"), .residual = z});
  graph.output("out", graph.layer_norm(down, w("norm2.weight"), w("norm2.bias"), 1e-5f));
  const Session session = run(std::move(graph), {{tokens, offsets}}, {{"x", x_values}});
  // [end]
  const NamedArrays expected = read_safetensors(directory / "vectors.expected.safetensors");
  const auto last = expected.at("last_hidden_state").values<float>();
  check_rows(session.output("out"), {last.begin(), last.end()}, 1e-4);
}

TEST_CASE("A10: an encoder-decoder over given targets") {
  const std::filesystem::path directory = golden("marian/translating");
  const NamedArrays inputs = read_safetensors(directory / "sources_ragged.input.safetensors");
  // [A10]
  const auto model = EncoderDecoder::load(directory);  // config.json, model.safetensors
  ForwardOptions options;
  options.attentions = AttentionOutput::kAll;
  const NamedArrays out = model->forward(inputs, options);  // input_ids, decoder_input_ids, ...
  const Array& logits = out.at("logits");                   // (sources, targets, vocabulary)
  const Array& looks = out.at("cross_attentions.0");  // (sources, heads, targets, source tokens)
  // [end]
  const NamedArrays expected = read_safetensors(directory / "sources_ragged.expected.safetensors");
  CHECK(difference(expected.at("logits"), logits, 2e-5) == "");
  CHECK(difference(expected.at("cross_attentions.0"), looks, 2e-5) == "");
}

TEST_CASE("A11: the first step of Bahdanau's decoder") {
  const std::filesystem::path directory = golden("bahdanau/one_layer");
  const NamedArrays inputs = read_safetensors(directory / "ragged_targets.input.safetensors");
  const auto given = inputs.at("input_ids").values<std::int64_t>();
  const std::vector<std::int32_t> source_ids(given.begin(), given.end()), begin(4, 1);
  const std::vector<std::int32_t> offsets{0, 5, 6, 14, 17};
  // [A11]
  Graph graph;
  const RowSpace words = graph.ragged_rows("words"), sources = graph.sequence_rows(words);
  const Weights file = Weights::open(directory);
  const auto w = [&](const std::string& name) { return file.get(name); };
  const auto layer = [&](const std::string& rnn) {
    return GruLayer{w(rnn + ".weight_ih_l0"), w(rnn + ".weight_hh_l0"), w(rnn + ".bias_ih_l0"),
                    w(rnn + ".bias_hh_l0")};
  };
  const Value x = graph.embedding({{w("encoder.embedding.weight"), graph.input_ids("x", words)}});
  const GruValues encoded = graph.gru(x, {layer("encoder.rnn.rnn")});
  const Value state = encoded.last[0];  // the query of the first step: one row per source
  const Value context =
      graph
          .additive_attention(graph.linear(state, w("decoder.attention.W_q.weight")),
                              graph.linear(encoded.states, w("decoder.attention.W_k.weight")),
                              encoded.states, w("decoder.attention.w_v.weight"))
          .output;
  const Value token =
      graph.embedding({{w("decoder.embedding.weight"), graph.input_ids("token", sources)}});
  const Value next =
      graph.gru_cell(graph.concat({context, token}), state, layer("decoder.rnn.rnn"));
  graph.output("logits",
               graph.linear(next, w("decoder.dense.weight"), {.bias = w("decoder.dense.bias")}));
  const Session session =
      run(std::move(graph), {{words, offsets}}, {{"x", source_ids}, {"token", begin}});
  // [end]
  const NamedArrays file_expected =
      read_safetensors(directory / "ragged_targets.expected.safetensors");
  const Array& logits = file_expected.at("logits");
  std::vector<double> expected;
  const std::int64_t steps = logits.shape[1], vocabulary = logits.shape[2];
  for (std::int64_t s = 0; s < 4; ++s) {
    const auto first = logits.values<float>().begin() + s * steps * vocabulary;
    expected.insert(expected.end(), first, first + vocabulary);
  }
  check_rows(session.output("logits"), expected, 5e-5);
}

TEST_CASE("A12: the weights of attention as an output") {
  const std::vector<float> x{1, 0, 1, 0, 0, 2, 0, 2, 1, 1, 1, 1}, y{1, 0.5f, 0, -1};
  const std::vector<std::int32_t> one{0, 1}, three{0, 3};
  // [A12]
  Graph graph;
  const RowSpace queries = graph.ragged_rows("queries"), keys = graph.ragged_rows("keys");
  const Value rows = graph.input("x", keys, 4), query = graph.input("y", queries, 4);
  graph.output("a", graph.attention(query, rows, rows, {.scale = 1}).weights);
  Session session(Model::compile(std::move(graph)), {.tokens = 8}, {"a"});  // asked for by name
  session.run(std::vector<RaggedRows>{{queries, one}, {keys, three}},
              std::vector<Input>{{"x", x}, {"y", y}});
  const Tensor a = session.output("a");  // 0.574097 0.077696 0.348207
  // [end]
  check_rows(a, {0.574097, 0.077696, 0.348207});
}

}  // namespace weft::test
