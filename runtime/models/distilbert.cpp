// DistilBERT (Sanh et al. 2019): BERT without token types and pooler, as transformers'
// models/distilbert/modeling_distilbert.py computes it.
#include <fmt/format.h>

#include "runtime/blocks.h"
#include "runtime/models/encoder_config.h"

namespace weft {
namespace {

constexpr float kEps = 1e-12F;  // not in the config

}  // namespace

ModelGraph build_distilbert(const Config& config, const Weights& checkpoint) {
  refuse_unsupported(config);
  ModelGraph model = new_token_model(config, {.hidden_size = "dim",
                                              .layers = "n_layers",
                                              .heads = "n_heads",
                                              .intermediate_size = "hidden_dim"});
  model.bare_architectures = {"DistilBertModel"};
  // sinusoidal_pos_embds only says how the table was filled: checkpoints hold it.
  model.max_tokens = config.integer("max_position_embeddings", 1, kLargestSize);
  const Activation activation = read_activation(config, "activation", "gelu");

  const Weights weights =
      without_prefix(checkpoint, {"distilbert"}, "embeddings.word_embeddings.weight");
  Graph& graph = model.graph;
  const std::int64_t hidden = model.hidden_size;
  const Weights tables = weights.sub("embeddings");
  Value x = graph.embedding({{tables.get("word_embeddings.weight", {model.vocabulary_size, hidden}),
                              graph.input_ids("input_ids", model.tokens)},
                             {tables.get("position_embeddings.weight", {model.max_tokens, hidden}),
                              graph.input_ids("position_ids", model.tokens)}});
  x = layer_norm(graph, tables.sub("LayerNorm"), x, kEps);
  model.hidden_states.push_back(x);

  for (std::int64_t i = 0; i < model.layers; ++i) {
    const Weights layer = weights.sub(fmt::format("transformer.layer.{}", i));
    const AttentionValues attention = self_attention(
        graph, layer.sub("attention"), x, {.heads = model.heads}, {"q_lin", "k_lin", "v_lin"});
    Value y = dense(graph, layer.sub("attention.out_lin"), attention.output, hidden,
                    Activation::kNone, x);
    y = layer_norm(graph, layer.sub("sa_layer_norm"), y, kEps);
    const Value up = dense(graph, layer.sub("ffn.lin1"), y, model.intermediate_size, activation);
    const Value down = dense(graph, layer.sub("ffn.lin2"), up, hidden, Activation::kNone, y);
    x = layer_norm(graph, layer.sub("output_layer_norm"), down, kEps);
    model.hidden_states.push_back(x);
    model.attentions.push_back(attention.weights);
  }
  model.last_hidden_state = x;
  return model;
}

}  // namespace weft
