// ELECTRA (Clark et al. 2020): BERT with narrow embeddings and no pooler, as transformers'
// models/electra/modeling_electra.py computes it.
#include "runtime/blocks.h"
#include "runtime/models/bert_blocks.h"
#include "runtime/models/encoder_config.h"

namespace weft {

ModelGraph build_electra(const Config& config, const Weights& checkpoint) {
  refuse_unsupported(config);
  config.require("position_embedding_type", "absolute");
  ModelGraph model = new_token_model(config);
  model.bare_architectures = {"ElectraModel"};
  model.max_tokens = config.integer("max_position_embeddings", 1, kLargestSize);
  model.type_vocabulary_size = config.integer_or("type_vocab_size", 2, 1, kLargestSize);
  const std::int64_t embedding_size = config.integer_or("embedding_size", 128, 1, kLargestSize);
  const float eps = read_epsilon(config, "layer_norm_eps", 1e-12);
  const Activation activation = read_activation(config, "hidden_act", "gelu");

  const Weights weights =
      without_prefix(checkpoint, {"electra"}, "embeddings.word_embeddings.weight");
  Value x =
      bert_embeddings(model, weights.sub("embeddings"), embedding_size, model.max_tokens, eps);
  if (embedding_size != model.hidden_size) {
    x = dense(model.graph, weights.sub("embeddings_project"), x, model.hidden_size);
  }
  bert_layers(model, weights.sub("encoder"), x, activation, eps);
  return model;
}

}  // namespace weft
