// ALBERT (Lan et al. 2020): layers share their weights in groups, embeddings are narrow, as
// transformers' models/albert/modeling_albert.py computes it.
#include <fmt/format.h>

#include "runtime/blocks.h"
#include "runtime/models/bert_blocks.h"
#include "runtime/models/encoder_config.h"

namespace weft {
namespace {

Value albert_layer(ModelGraph& model, const Weights& layer, Value x, Activation activation,
                   float eps) {
  Graph& graph = model.graph;
  const std::int64_t hidden = model.hidden_size;
  const AttentionValues attention =
      self_attention(graph, layer.sub("attention"), x, {.heads = model.heads});
  Value y =
      dense(graph, layer.sub("attention.dense"), attention.output, hidden, Activation::kNone, x);
  y = layer_norm(graph, layer.sub("attention.LayerNorm"), y, eps);
  const Value up = dense(graph, layer.sub("ffn"), y, model.intermediate_size, activation);
  const Value down = dense(graph, layer.sub("ffn_output"), up, hidden, Activation::kNone, y);
  const Value out = layer_norm(graph, layer.sub("full_layer_layer_norm"), down, eps);
  model.attentions.push_back(attention.weights);
  model.hidden_states.push_back(out);
  return out;
}

}  // namespace

ModelGraph build_albert(const Config& config, const Weights& checkpoint) {
  refuse_unsupported(config);
  config.require("position_embedding_type", "absolute");
  ModelGraph model = new_token_model(config);
  model.bare_architectures = {"AlbertModel"};
  model.max_tokens = config.integer("max_position_embeddings", 1, kLargestSize);
  model.type_vocabulary_size = config.integer_or("type_vocab_size", 2, 1, kLargestSize);
  const std::int64_t embedding_size = config.integer_or("embedding_size", 128, 1, kLargestSize);
  const std::int64_t groups = config.integer_or("num_hidden_groups", 1, 1, kMostLayers);
  const std::int64_t inner_layers =
      config.integer_or("inner_group_num", 1, 1, kMostLayers / model.layers);
  const float eps = read_epsilon(config, "layer_norm_eps", 1e-12);
  const Activation activation = read_activation(config, "hidden_act", "gelu_new");

  const Weights weights =
      without_prefix(checkpoint, {"albert"}, "embeddings.word_embeddings.weight");
  Value x =
      bert_embeddings(model, weights.sub("embeddings"), embedding_size, model.max_tokens, eps);
  const Weights encoder = weights.sub("encoder");
  x = dense(model.graph, encoder.sub("embedding_hidden_mapping_in"), x, model.hidden_size);
  model.hidden_states.push_back(x);
  const double repeats = static_cast<double>(model.layers) / static_cast<double>(groups);
  for (std::int64_t i = 0; i < model.layers; ++i) {
    const auto group = static_cast<std::int64_t>(static_cast<double>(i) / repeats);
    for (std::int64_t inner = 0; inner < inner_layers; ++inner) {
      x = albert_layer(
          model, encoder.sub(fmt::format("albert_layer_groups.{}.albert_layers.{}", group, inner)),
          x, activation, eps);
    }
  }
  model.layers = static_cast<std::int64_t>(model.attentions.size());
  model.last_hidden_state = x;
  bert_pooler(model, weights.sub("pooler"));
  return model;
}

}  // namespace weft
