// Jina BERT v2 (Günther et al. 2023): BERT with ALiBi in place of position embeddings and gated
// feed-forward layers, as the checkpoints' own modeling_bert.py computes it. Its config.json says
// model_type "bert" and position_embedding_type "alibi". Two versions of that code exist, which
// only the names of tensors tell apart: jina-bert-implementation and jina-bert-v2-qk-post-norm.
#include <fmt/format.h>

#include "runtime/blocks.h"
#include "runtime/models/bert_blocks.h"
#include "runtime/models/encoder_config.h"
#include "weft/positions.h"

namespace weft {
namespace {

/// "geglu" and "reglu" name the activation of the gate.
Activation read_gate(const Config& config) {
  const std::string type = config.text_or("feed_forward_type", "original");
  if (type == "geglu") return Activation::kGelu;
  if (type == "reglu") return Activation::kRelu;
  config.unsupported("feed_forward_type",
                     fmt::format("\"{}\" is not supported, only \"geglu\" and \"reglu\"", type));
}

/// What is the same in every layer.
struct Settings {
  AttentionOptions attention;
  Activation gate;
  float eps;
};

/// jina-bert-implementation: of gated_layers the first half is the gate.
Value gated_layer(ModelGraph& model, const Weights& layer, Value attended, Value x,
                  const Settings& settings) {
  Graph& graph = model.graph;
  Value y = dense(graph, layer.sub("attention.output.dense"), attended, model.hidden_size,
                  Activation::kNone, x);
  y = layer_norm(graph, layer.sub("attention.output.LayerNorm"), y, settings.eps);
  const Weights mlp = layer.sub("mlp");
  const Value both = dense(graph, mlp.sub("gated_layers"), y, 2 * model.intermediate_size,
                           Activation::kNone, {}, Bias::kNo);
  const Value units = gated_halves(graph, both, Half::kFirst, settings.gate);
  const Value down = dense(graph, mlp.sub("wo"), units, model.hidden_size, Activation::kNone, y);
  return layer_norm(graph, mlp.sub("layernorm"), down, settings.eps);
}

/// jina-bert-v2-qk-post-norm: x is added, and the sum normalised, twice after the attention, and of
/// up_gated_layer the second half is the gate.
Value post_norm_layer(ModelGraph& model, const Weights& layer, Value attended, Value x,
                      const Settings& settings) {
  Graph& graph = model.graph;
  Value y = dense(graph, layer.sub("attention.output.dense"), attended, model.hidden_size,
                  Activation::kNone, x);
  y = layer_norm(graph, layer.sub("attention.output.LayerNorm"), y, settings.eps);
  y = layer_norm(graph, layer.sub("layer_norm_1"), graph.add(x, y), settings.eps);
  const Weights mlp = layer.sub("mlp");
  const Value both = dense(graph, mlp.sub("up_gated_layer"), y, 2 * model.intermediate_size,
                           Activation::kNone, {}, Bias::kNo);
  const Value units = gated_halves(graph, both, Half::kSecond, settings.gate);
  const Value down =
      dense(graph, mlp.sub("down_layer"), units, model.hidden_size, Activation::kNone, y);
  return layer_norm(graph, layer.sub("layer_norm_2"), down, settings.eps);
}

/// Self-attention whose queries and keys are normalised over all heads before they are split.
AttentionValues normalised_attention(Graph& graph, const Weights& weights, Value x,
                                     const Settings& settings) {
  const std::int64_t hidden = graph.cols(x);
  const Value all = query_key_value(graph, weights, x, hidden);
  const Value queries =
      layer_norm(graph, weights.sub("layer_norm_q"), graph.columns(all, 0, hidden), settings.eps);
  const Value keys = layer_norm(graph, weights.sub("layer_norm_k"),
                                graph.columns(all, hidden, hidden), settings.eps);
  return graph.attention(queries, keys, graph.columns(all, 2 * hidden, hidden), settings.attention);
}

}  // namespace

bool is_jina_bert(const Config& config) {
  return config.text_or("position_embedding_type", "absolute") == "alibi";
}

ModelGraph build_jina_bert(const Config& config, const Weights& checkpoint) {
  refuse_unsupported(config, CustomCode::kKnown);
  ModelGraph model = new_token_model(config);
  model.bare_architectures = {"JinaBertModel", "BertModel"};
  model.max_tokens = config.integer("max_position_embeddings", 1, kMostPositions);
  model.type_vocabulary_size = config.integer_or("type_vocab_size", 2, 1, kLargestSize);
  Settings settings;
  settings.eps = read_epsilon(config, "layer_norm_eps", 1e-12);
  settings.gate = read_gate(config);

  const Weights weights = without_prefix(checkpoint, {"bert"}, "embeddings.word_embeddings.weight");
  const bool post_norm = weights.has("encoder.layer.0.attention.self.layer_norm_q.weight");
  Graph& graph = model.graph;
  Value x = word_and_type_embeddings(model, weights.sub("embeddings"));
  x = layer_norm(graph, weights.sub("embeddings.LayerNorm"), x, settings.eps);
  model.hidden_states.push_back(x);

  settings.attention.heads = model.heads;
  settings.attention.distance_bias = graph.constant(alibi_bias(model.heads, model.max_tokens));
  for (std::int64_t i = 0; i < model.layers; ++i) {
    const Weights layer = weights.sub(fmt::format("encoder.layer.{}", i));
    const Weights own = layer.sub("attention.self");
    const AttentionValues attention = post_norm ? normalised_attention(graph, own, x, settings)
                                                : self_attention(graph, own, x, settings.attention);
    x = post_norm ? post_norm_layer(model, layer, attention.output, x, settings)
                  : gated_layer(model, layer, attention.output, x, settings);
    model.hidden_states.push_back(x);
    model.attentions.push_back(attention.weights);
  }
  model.last_hidden_state = x;
  bert_pooler(model, weights.sub("pooler.dense"));
  return model;
}

}  // namespace weft
