// MPNet (Song et al. 2020): BERT without token types, with T5's biases by distance in every layer
// and positions counted from the ids, as transformers' models/mpnet/modeling_mpnet.py computes it.
#include <fmt/format.h>

#include "runtime/blocks.h"
#include "runtime/models/bert_blocks.h"
#include "runtime/models/encoder_config.h"
#include "weft/positions.h"

namespace weft {
namespace {

// transformers computes with these numbers whatever the config says.
constexpr std::int32_t kPaddingId = 1;
constexpr std::int64_t kBuckets = 32;
constexpr std::int64_t kMaxDistance = 128;

}  // namespace

ModelGraph build_mpnet(const Config& config, const Weights& checkpoint) {
  refuse_unsupported(config);
  ModelGraph model = new_token_model(config);
  model.bare_architectures = {"MPNetModel"};
  const std::int64_t positions = config.integer("max_position_embeddings", 1, kLargestSize);
  count_positions_from_ids(config, model, positions, kPaddingId);
  config.require("relative_attention_num_buckets", kBuckets);
  const float eps = read_epsilon(config, "layer_norm_eps", 1e-12);
  const Activation activation = read_activation(config, "hidden_act", "gelu");

  const Weights weights =
      without_prefix(checkpoint, {"mpnet"}, "embeddings.word_embeddings.weight");
  Graph& graph = model.graph;
  const std::int64_t hidden = model.hidden_size;
  const Weights tables = weights.sub("embeddings");
  Value x = graph.embedding({{tables.get("word_embeddings.weight", {model.vocabulary_size, hidden}),
                              graph.input_ids("input_ids", model.tokens)},
                             {tables.get("position_embeddings.weight", {positions, hidden}),
                              graph.input_ids("position_ids", model.tokens)}});
  x = layer_norm(graph, tables.sub("LayerNorm"), x, eps);
  model.hidden_states.push_back(x);

  AttentionOptions options;
  options.heads = model.heads;
  options.distance_bias = graph.constant(
      bucket_bias(weights.get("encoder.relative_attention_bias.weight", {kBuckets, model.heads}),
                  DistanceBuckets::kBidirectional, kMaxDistance));
  for (std::int64_t i = 0; i < model.layers; ++i) {
    const Weights layer = weights.sub(fmt::format("encoder.layer.{}", i));
    const AttentionValues attention =
        self_attention(graph, layer.sub("attention.attn"), x, options, {"q", "k", "v"});
    Value y =
        dense(graph, layer.sub("attention.attn.o"), attention.output, hidden, Activation::kNone, x);
    y = layer_norm(graph, layer.sub("attention.LayerNorm"), y, eps);
    const Value up =
        dense(graph, layer.sub("intermediate.dense"), y, model.intermediate_size, activation);
    const Value down = dense(graph, layer.sub("output.dense"), up, hidden, Activation::kNone, y);
    x = layer_norm(graph, layer.sub("output.LayerNorm"), down, eps);
    model.hidden_states.push_back(x);
    model.attentions.push_back(attention.weights);
  }
  model.last_hidden_state = x;
  bert_pooler(model, weights.sub("pooler.dense"));
  return model;
}

}  // namespace weft
