// BERT (Devlin et al. 2019), as transformers' models/bert/modeling_bert.py computes it.
#include "runtime/blocks.h"
#include "runtime/models/bert_blocks.h"
#include "runtime/models/encoder_config.h"

namespace weft {

ModelGraph build_bert(const Config& config, const Weights& checkpoint) {
  refuse_unsupported(config);
  config.require("position_embedding_type", "absolute");
  ModelGraph model = new_token_model(config);
  model.bare_architectures = {"BertModel"};
  model.max_tokens = config.integer("max_position_embeddings", 1, kLargestSize);
  model.type_vocabulary_size = config.integer_or("type_vocab_size", 2, 1, kLargestSize);
  const float eps = read_epsilon(config, "layer_norm_eps", 1e-12);
  const Activation activation = read_activation(config, "hidden_act", "gelu");

  const Weights weights = without_prefix(checkpoint, {"bert"}, "embeddings.word_embeddings.weight");
  const Value x =
      bert_embeddings(model, weights.sub("embeddings"), model.hidden_size, model.max_tokens, eps);
  bert_layers(model, weights.sub("encoder"), x, activation, eps);
  bert_pooler(model, weights.sub("pooler.dense"));
  return model;
}

}  // namespace weft
