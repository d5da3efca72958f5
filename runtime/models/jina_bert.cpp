// Jina BERT v2 (Günther et al. 2023): BERT with ALiBi in place of position embeddings and gated
// feed-forward layers, as the checkpoints' own modeling_bert.py computes it. Its config.json says
// model_type "bert" and position_embedding_type "alibi".
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
  const float eps = read_epsilon(config, "layer_norm_eps", 1e-12);
  const Activation gate = read_gate(config);

  const Weights weights = without_prefix(checkpoint, {"bert"}, "embeddings.word_embeddings.weight");
  if (weights.has("encoder.layer.0.attention.self.layer_norm_q.weight")) {
    config.unsupported("auto_map", "normalised queries and keys (layer_norm_q) are not supported");
  }
  Graph& graph = model.graph;
  const std::int64_t hidden = model.hidden_size;
  const std::int64_t inner = model.intermediate_size;
  Value x = word_and_type_embeddings(model, weights.sub("embeddings"));
  x = layer_norm(graph, weights.sub("embeddings.LayerNorm"), x, eps);
  model.hidden_states.push_back(x);

  AttentionOptions options;
  options.heads = model.heads;
  options.distance_bias = graph.constant(alibi_bias(model.heads, model.max_tokens));
  for (std::int64_t i = 0; i < model.layers; ++i) {
    const Weights layer = weights.sub(fmt::format("encoder.layer.{}", i));
    const AttentionValues attention =
        self_attention(graph, layer.sub("attention.self"), x, options);
    Value y = dense(graph, layer.sub("attention.output.dense"), attention.output, hidden,
                    Activation::kNone, x);
    y = layer_norm(graph, layer.sub("attention.output.LayerNorm"), y, eps);
    const Weights mlp = layer.sub("mlp");
    const Value both =
        dense(graph, mlp.sub("gated_layers"), y, 2 * inner, Activation::kNone, {}, Bias::kNo);
    const Value gated = gated_halves(graph, both, Half::kFirst, gate);
    x = layer_norm(graph, mlp.sub("layernorm"),
                   dense(graph, mlp.sub("wo"), gated, hidden, Activation::kNone, y), eps);
    model.hidden_states.push_back(x);
    model.attentions.push_back(attention.weights);
  }
  model.last_hidden_state = x;
  bert_pooler(model, weights.sub("pooler.dense"));
  return model;
}

}  // namespace weft
