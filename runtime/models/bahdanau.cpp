#include "runtime/models/bahdanau.h"

#include <fmt/format.h>

#include "runtime/blocks.h"
#include "runtime/models/encoder_config.h"

namespace weft {
namespace {

constexpr std::int64_t kDefaultLongest = 1024;

BahdanauSizes read_sizes(const Config& config) {
  refuse_unsupported(config);
  BahdanauSizes sizes;
  sizes.vocabulary = config.integer("vocab_size", 1, kLargestSize);
  sizes.decoder_vocabulary =
      config.integer_or("decoder_vocab_size", sizes.vocabulary, 1, kLargestSize);
  sizes.hidden = config.integer("hidden_size", 1, kLargestSize);
  sizes.embedding = config.integer_or("embedding_size", sizes.hidden, 1, kLargestSize);
  sizes.layers = config.integer_or("num_layers", 1, 1, kMostLayers);
  sizes.max_length = config.integer_or("max_length", kDefaultLongest, 1, kMostPositions);
  return sizes;
}

/// Layers of torch.nn.GRU; newer editions of the book wrap it in a module that is called rnn too.
std::vector<GruLayer> read_layers(const Weights& module, std::int64_t in, std::int64_t hidden,
                                  std::int64_t layers) {
  const Weights rnn = without_prefix(module.sub("rnn"), {"rnn"}, "weight_ih_l0");
  std::vector<GruLayer> result;
  for (std::int64_t i = 0; i < layers; ++i) {
    const auto get = [&](const char* name, std::initializer_list<std::int64_t> shape) {
      return rnn.get(fmt::format("{}_l{}", name, i), shape);
    };
    result.push_back({get("weight_ih", {3 * hidden, i == 0 ? in : hidden}),
                      get("weight_hh", {3 * hidden, hidden}), get("bias_ih", {3 * hidden}),
                      get("bias_hh", {3 * hidden})});
  }
  return result;
}

void build_encoder(BahdanauGraphs& model, const Weights& weights) {
  const BahdanauSizes& sizes = model.sizes;
  const Weights encoder = weights.sub("encoder");
  Graph& graph = model.encode;
  model.tokens = graph.ragged_rows("source tokens");
  const Value ids = graph.input_ids("input_ids", model.tokens);
  const Value x = graph.embedding(
      {{encoder.get("embedding.weight", {sizes.vocabulary, sizes.embedding}), ids}});
  const GruValues states =
      graph.gru(x, read_layers(encoder, sizes.embedding, sizes.hidden, sizes.layers));
  graph.output("states", states.states);
  for (std::int64_t i = 0; i < sizes.layers; ++i) graph.output(state_name(i), states.last[i]);
  graph.output("keys", dense(graph, weights.sub("decoder.attention.W_k"), states.states,
                             sizes.hidden, Activation::kNone, {}, Bias::kNo));
}

void build_step(BahdanauGraphs& model, const Weights& weights) {
  const BahdanauSizes& sizes = model.sizes;
  const Weights decoder = weights.sub("decoder");
  const Weights attention = decoder.sub("attention");
  Graph& graph = model.step;
  model.rows = graph.ragged_rows("hypotheses");
  model.sources = graph.ragged_rows("source tokens");
  std::vector<Value> states;
  for (std::int64_t i = 0; i < sizes.layers; ++i) {
    states.push_back(graph.input(state_name(i), model.rows, sizes.hidden));
  }
  const Value keys = graph.input("keys", model.sources, sizes.hidden);
  const Value values = graph.input("states", model.sources, sizes.hidden);
  const Value query = dense(graph, attention.sub("W_q"), states.back(), sizes.hidden,
                            Activation::kNone, {}, Bias::kNo);
  const AttentionValues seen =
      graph.additive_attention(query, keys, values, attention.get("w_v.weight", {1, sizes.hidden}));
  const Value embedded = graph.embedding(
      {{decoder.get("embedding.weight", {sizes.decoder_vocabulary, sizes.embedding}),
        graph.input_ids("input_ids", model.rows)}});
  Value x = graph.concat({seen.output, embedded});
  const std::vector<GruLayer> layers =
      read_layers(decoder, sizes.hidden + sizes.embedding, sizes.hidden, sizes.layers);
  for (std::size_t i = 0; i < layers.size(); ++i) {
    x = graph.gru_cell(x, states[i], layers[i]);
    graph.output(state_name(static_cast<std::int64_t>(i)), x);
  }
  graph.output("logits", dense(graph, decoder.sub("dense"), x, sizes.decoder_vocabulary));
  graph.output("weights", seen.weights);
}

}  // namespace

bool is_bahdanau(const Config& config) { return config.text_or("model_type", "") == "bahdanau"; }

std::string state_name(std::int64_t layer) { return fmt::format("state.{}", layer); }

BahdanauGraphs build_bahdanau(const Config& config, const Weights& weights) {
  BahdanauGraphs model;
  model.sizes = read_sizes(config);
  build_encoder(model, weights);
  build_step(model, weights);
  return model;
}

}  // namespace weft
