// BERT (Devlin et al. 2019), as transformers' models/bert/modeling_bert.py computes it.
#include <fmt/format.h>

#include "runtime/blocks.h"
#include "runtime/models/model_graph.h"

namespace weft {
namespace {

constexpr std::int64_t kLargestSize = 1 << 24;

void refuse_unsupported(const Config& config) {
  config.require("is_decoder", false);
  config.require("add_cross_attention", false);
  config.require("position_embedding_type", "absolute");
  for (const char* key : {"quantization_config", "auto_map"}) {
    if (config.has(key)) config.unsupported(key, "is not supported");
  }
  if (const Json* pruned = config.find("pruned_heads")) {
    if (!pruned->is_object() || !pruned->members().empty()) {
      config.unsupported("pruned_heads", "is not supported");
    }
  }
}

}  // namespace

ModelGraph build_bert(const Config& config, const Weights& checkpoint) {
  refuse_unsupported(config);
  ModelGraph model;
  model.bare_architectures = {"BertModel"};
  const std::int64_t hidden = config.integer("hidden_size", 1, kLargestSize);
  const std::int64_t heads = config.integer("num_attention_heads", 1, kLargestSize);
  if (hidden % heads != 0) {
    config.invalid("hidden_size", fmt::format("expected a multiple of num_attention_heads ({}), "
                                              "found {}",
                                              heads, hidden));
  }
  const std::int64_t layers = config.integer("num_hidden_layers", 1, kLargestSize);
  const std::int64_t intermediate = config.integer("intermediate_size", 1, kLargestSize);
  const auto eps = static_cast<float>(config.positive_or("layer_norm_eps", 1e-12));
  const Activation activation = read_activation(config, "hidden_act", "gelu");
  model.hidden_size = hidden;
  model.heads = heads;
  model.layers = layers;
  model.intermediate_size = intermediate;
  model.vocabulary_size = config.integer("vocab_size", 1, INT32_MAX);
  model.max_tokens = config.integer("max_position_embeddings", 1, kLargestSize);
  model.type_vocabulary_size = config.integer_or("type_vocab_size", 2, 1, kLargestSize);

  const Weights weights = checkpoint.has("bert.embeddings.word_embeddings.weight")
                              ? checkpoint.sub("bert")
                              : checkpoint;
  Graph& graph = model.graph;
  model.tokens = graph.ragged_rows("tokens");

  // x = LayerNorm(word + type + position), section 3.2.
  const Weights tables = weights.sub("embeddings");
  const Lookup word{tables.get("word_embeddings.weight", {model.vocabulary_size, hidden}),
                    graph.input_ids("input_ids", model.tokens)};
  const Lookup type{
      tables.get("token_type_embeddings.weight", {model.type_vocabulary_size, hidden}),
      graph.input_ids("token_type_ids", model.tokens)};
  const Lookup position{tables.get("position_embeddings.weight", {model.max_tokens, hidden}),
                        graph.input_ids("position_ids", model.tokens)};
  Value x =
      layer_norm(graph, tables.sub("LayerNorm"), graph.embedding({word, type, position}), eps);
  model.hidden_states.push_back(x);

  // Post-norm Transformer layers (Vaswani et al. 2017, section 3.1).
  for (std::int64_t i = 0; i < layers; ++i) {
    const Weights layer = weights.sub(fmt::format("encoder.layer.{}", i));
    const AttentionValues attention = self_attention(graph, layer.sub("attention.self"), x, heads);
    Value y = dense(graph, layer.sub("attention.output.dense"), attention.output, hidden,
                    Activation::kNone, x);
    y = layer_norm(graph, layer.sub("attention.output.LayerNorm"), y, eps);
    const Value up = dense(graph, layer.sub("intermediate.dense"), y, intermediate, activation);
    const Value down = dense(graph, layer.sub("output.dense"), up, hidden, Activation::kNone, y);
    x = layer_norm(graph, layer.sub("output.LayerNorm"), down, eps);
    model.hidden_states.push_back(x);
    model.attentions.push_back(attention.weights);
  }
  model.last_hidden_state = x;

  // The pooler is absent from many sentence encoders.
  if (const Weights pooler = weights.sub("pooler.dense"); pooler.has("weight")) {
    model.pooler_output =
        dense(graph, pooler, graph.pool(x, Pooling::kCls), hidden, Activation::kTanh);
  } else {
    model.missing.push_back(pooler.prefix() + "weight");
  }
  return model;
}

}  // namespace weft
