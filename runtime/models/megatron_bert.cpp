// Megatron's BERT (Shoeybi et al. 2019, section 5.3): BERT with the norms before each part of a
// layer, as transformers' models/megatron_bert/modeling_megatron_bert.py computes it.
#include <fmt/format.h>

#include "runtime/blocks.h"
#include "runtime/models/bert_blocks.h"
#include "runtime/models/encoder_config.h"

namespace weft {

ModelGraph build_megatron_bert(const Config& config, const Weights& checkpoint) {
  refuse_unsupported(config);
  config.require("position_embedding_type", "absolute");
  ModelGraph model = new_token_model(config);
  model.bare_architectures = {"MegatronBertModel"};
  model.max_tokens = config.integer("max_position_embeddings", 1, kLargestSize);
  model.type_vocabulary_size = config.integer_or("type_vocab_size", 2, 1, kLargestSize);
  const float eps = read_epsilon(config, "layer_norm_eps", 1e-12);
  const Activation activation = read_activation(config, "hidden_act", "gelu");

  const Weights weights = without_prefix(checkpoint, {"bert"}, "embeddings.word_embeddings.weight");
  Graph& graph = model.graph;
  const std::int64_t hidden = model.hidden_size;
  const Weights tables = weights.sub("embeddings");
  const auto lookup = [&](const char* table, std::int64_t entries, const char* ids) {
    return Lookup{tables.get(table, {entries, hidden}), graph.input_ids(ids, model.tokens)};
  };
  Value x = graph.embedding(
      {lookup("word_embeddings.weight", model.vocabulary_size, "input_ids"),
       lookup("token_type_embeddings.weight", model.type_vocabulary_size, "token_type_ids"),
       lookup("position_embeddings.weight", model.max_tokens, "position_ids")});
  for (std::int64_t i = 0; i < model.layers; ++i) {
    model.hidden_states.push_back(x);
    const Weights layer = weights.sub(fmt::format("encoder.layer.{}", i));
    const AttentionValues attention = self_attention(
        graph, layer.sub("attention.self"), layer_norm(graph, layer.sub("attention.ln"), x, eps),
        {.heads = model.heads});
    x = dense(graph, layer.sub("attention.output.dense"), attention.output, hidden,
              Activation::kNone, x);
    const Value up =
        dense(graph, layer.sub("intermediate.dense"), layer_norm(graph, layer.sub("ln"), x, eps),
              model.intermediate_size, activation);
    x = dense(graph, layer.sub("output.dense"), up, hidden, Activation::kNone, x);
    model.attentions.push_back(attention.weights);
  }
  model.last_hidden_state = layer_norm(graph, weights.sub("encoder.ln"), x, eps);
  model.hidden_states.push_back(model.last_hidden_state);
  bert_pooler(model, weights.sub("pooler.dense"));
  return model;
}

}  // namespace weft
