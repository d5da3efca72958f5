// The parts of BERT (Devlin et al. 2019) by the names that its descendants' checkpoints share.
#pragma once

#include <cstdint>

#include "runtime/models/model_graph.h"
#include "weft/graph.h"
#include "weft/types.h"
#include "weft/weights.h"

namespace weft {

/// `tables`.{word,token_type,position}_embeddings summed and normalised by `tables`.LayerNorm,
/// section 3.2. `columns` of each table, `positions` rows of the last. (tokens, columns)
Value bert_embeddings(ModelGraph& model, const Weights& tables, std::int64_t columns,
                      std::int64_t positions, float eps);

/// `tables`.word_embeddings and, if the model has types, token_type_embeddings, summed; as wide as
/// the model, without LayerNorm. (tokens, hidden)
Value word_and_type_embeddings(ModelGraph& model, const Weights& tables);

/// One post-norm Transformer layer (Vaswani et al. 2017, section 3.1):
/// `layer`.{attention.self, attention.output, intermediate, output}. (tokens, hidden)
/// Appends its softmax weights and its result to the model's.
Value bert_layer(ModelGraph& model, const Weights& layer, Value x, Activation activation,
                 float eps);

/// What follows attention in it: `layer`.{attention.output, intermediate, output}, x being what
/// entered the layer. Appends nothing. (tokens, hidden)
Value bert_after_attention(ModelGraph& model, const Weights& layer, Value attended, Value x,
                           Activation activation, float eps);

/// bert_layer() for `encoder`.layer.0 to the last; x, and then every result, is a hidden state.
void bert_layers(ModelGraph& model, const Weights& encoder, Value x, Activation activation,
                 float eps);

/// tanh of `pooler` over the first token; where the file has none, the model has none.
void bert_pooler(ModelGraph& model, const Weights& pooler);

}  // namespace weft
