#include "runtime/models/bert_blocks.h"

#include <fmt/format.h>

#include "runtime/blocks.h"

namespace weft {

Value bert_embeddings(ModelGraph& model, const Weights& tables, std::int64_t columns,
                      std::int64_t positions, float eps) {
  Graph& graph = model.graph;
  const auto lookup = [&](const char* table, std::int64_t entries, const char* ids) {
    return Lookup{tables.get(table, {entries, columns}), graph.input_ids(ids, model.tokens)};
  };
  const Value sum = graph.embedding(
      {lookup("word_embeddings.weight", model.vocabulary_size, "input_ids"),
       lookup("token_type_embeddings.weight", model.type_vocabulary_size, "token_type_ids"),
       lookup("position_embeddings.weight", positions, "position_ids")});
  return layer_norm(graph, tables.sub("LayerNorm"), sum, eps);
}

Value word_and_type_embeddings(ModelGraph& model, const Weights& tables) {
  Graph& graph = model.graph;
  const std::int64_t hidden = model.hidden_size;
  std::vector<Lookup> lookups{
      {tables.get("word_embeddings.weight", {model.vocabulary_size, hidden}),
       graph.input_ids("input_ids", model.tokens)}};
  if (model.type_vocabulary_size > 0) {
    lookups.push_back(
        {tables.get("token_type_embeddings.weight", {model.type_vocabulary_size, hidden}),
         graph.input_ids("token_type_ids", model.tokens)});
  }
  return graph.embedding(lookups);
}

Value bert_after_attention(ModelGraph& model, const Weights& layer, Value attended, Value x,
                           Activation activation, float eps) {
  Graph& graph = model.graph;
  const std::int64_t hidden = model.hidden_size;
  Value y =
      dense(graph, layer.sub("attention.output.dense"), attended, hidden, Activation::kNone, x);
  y = layer_norm(graph, layer.sub("attention.output.LayerNorm"), y, eps);
  const Value up =
      dense(graph, layer.sub("intermediate.dense"), y, model.intermediate_size, activation);
  const Value down = dense(graph, layer.sub("output.dense"), up, hidden, Activation::kNone, y);
  return layer_norm(graph, layer.sub("output.LayerNorm"), down, eps);
}

Value bert_layer(ModelGraph& model, const Weights& layer, Value x, Activation activation,
                 float eps) {
  const AttentionValues attention =
      self_attention(model.graph, layer.sub("attention.self"), x, {.heads = model.heads});
  const Value out = bert_after_attention(model, layer, attention.output, x, activation, eps);
  model.attentions.push_back(attention.weights);
  model.hidden_states.push_back(out);
  return out;
}

void bert_layers(ModelGraph& model, const Weights& encoder, Value x, Activation activation,
                 float eps) {
  model.hidden_states.push_back(x);
  for (std::int64_t i = 0; i < model.layers; ++i) {
    x = bert_layer(model, encoder.sub(fmt::format("layer.{}", i)), x, activation, eps);
  }
  model.last_hidden_state = x;
}

void bert_pooler(ModelGraph& model, const Weights& pooler) {
  if (!pooler.has("weight")) {
    model.missing.push_back(pooler.prefix() + "weight");
    return;
  }
  Graph& graph = model.graph;
  model.pooler_output = dense(graph, pooler, graph.pool(model.last_hidden_state, Pooling::kCls),
                              model.hidden_size, Activation::kTanh);
}

}  // namespace weft
