// RoBERTa (Liu et al. 2019) and its descendants XLM-RoBERTa and CamemBERT: BERT whose positions are
// counted from the ids, as transformers' models/roberta/modeling_roberta.py computes it.
#include <fmt/format.h>

#include "runtime/blocks.h"
#include "runtime/models/bert_blocks.h"
#include "runtime/models/encoder_config.h"

namespace weft {

ModelGraph build_roberta(const Config& config, const Weights& checkpoint) {
  refuse_unsupported(config);
  config.require("position_embedding_type", "absolute");
  ModelGraph model = new_token_model(config);
  model.bare_architectures = {"RobertaModel", "XLMRobertaModel", "CamembertModel"};
  model.type_vocabulary_size = config.integer_or("type_vocab_size", 2, 1, kLargestSize);
  const std::int64_t positions = read_positions_from_ids(config, model, 1);
  const float eps = read_epsilon(config, "layer_norm_eps", 1e-12);
  const Activation activation = read_activation(config, "hidden_act", "gelu");

  const Weights weights =
      without_prefix(checkpoint, {"roberta", "xlm-roberta", "xlm_roberta", "camembert"},
                     "embeddings.word_embeddings.weight");
  const Value x =
      bert_embeddings(model, weights.sub("embeddings"), model.hidden_size, positions, eps);
  bert_layers(model, weights.sub("encoder"), x, activation, eps);
  bert_pooler(model, weights.sub("pooler.dense"));
  return model;
}

}  // namespace weft
