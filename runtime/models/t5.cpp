// The encoder of T5 (Raffel et al. 2020) and mT5: pre-norm with RMS norm, no biases, attention that
// is not scaled and has a learned bias by distance, as transformers' models/t5/modeling_t5.py
// computes it.
#include <fmt/format.h>

#include "runtime/blocks.h"
#include "runtime/models/encoder_config.h"
#include "weft/positions.h"

namespace weft {
namespace {

struct FeedForward {
  Activation activation;
  bool gated;
};

/// "relu", "gated-silu" and the like; "gated-gelu" alone means the tanh form.
FeedForward read_feed_forward(const Config& config, const char* fallback) {
  const std::string text = config.text_or("feed_forward_proj", fallback);
  if (text == "gated-gelu") return {Activation::kGeluTanh, true};
  const bool gated = text.starts_with("gated-");
  return {activation_named(config, "feed_forward_proj", gated ? text.substr(6) : text), gated};
}

Value feed_forward(ModelGraph& model, const Weights& weights, Value x, Value residual,
                   const FeedForward& form) {
  Graph& graph = model.graph;
  const std::int64_t inner = model.intermediate_size;
  Value up;
  if (form.gated) {
    const auto projection = [&](const char* name) {
      return Projection{weights.get(name, {inner, model.hidden_size}), {}};
    };
    const Value both = graph.linear(x, {projection("wi_0.weight"), projection("wi_1.weight")});
    up = gated_halves(graph, both, Half::kFirst, form.activation);
  } else {
    up = dense(graph, weights.sub("wi"), x, inner, form.activation, {}, Bias::kNo);
  }
  return dense(graph, weights.sub("wo"), up, model.hidden_size, Activation::kNone, residual,
               Bias::kNo);
}

ModelGraph build(const Config& config, const Weights& checkpoint, const char* feed_forward_proj) {
  refuse_unsupported(config);
  ModelGraph model = new_token_model(config, {.hidden_size = "d_model",
                                              .layers = "num_layers",
                                              .heads = "num_heads",
                                              .intermediate_size = "d_ff",
                                              .head_size = "d_kv"});
  model.bare_architectures = {"T5EncoderModel", "MT5EncoderModel"};
  model.max_tokens = kLongestWithoutPositions;
  const std::int64_t buckets = config.integer_or("relative_attention_num_buckets", 32, 4, 1 << 16);
  const std::int64_t max_distance =
      config.integer_or("relative_attention_max_distance", 128, 1, 1 << 16);
  const float eps = read_epsilon(config, "layer_norm_epsilon", 1e-6);
  const FeedForward form = read_feed_forward(config, feed_forward_proj);

  Graph& graph = model.graph;
  const Weights weights =
      without_prefix(checkpoint, {"transformer"}, "encoder.final_layer_norm.weight");
  const std::int64_t hidden = model.hidden_size;
  const std::int64_t inner = model.heads * model.head_size;
  const auto norm = [&](const Weights& of, Value x) {
    return graph.rms_norm(x, of.get("weight", {hidden}), eps);
  };
  // Tied: saved under one name or both.
  const char* const names[]{"shared.weight", "encoder.embed_tokens.weight"};
  Weight table = weights.get(names[weights.has(names[0]) ? 0 : 1], {model.vocabulary_size, hidden});
  if (weights.has(names[1])) table = weights.get(names[1], {model.vocabulary_size, hidden});
  Value x = graph.embedding({{table, graph.input_ids("input_ids", model.tokens)}});

  AttentionOptions options;
  options.heads = model.heads;
  options.scale = 1;
  const char* bias = "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight";
  options.distance_bias = graph.constant(bucket_bias(
      weights.get(bias, {buckets, model.heads}), DistanceBuckets::kBidirectional, max_distance));
  for (std::int64_t i = 0; i < model.layers; ++i) {
    model.hidden_states.push_back(x);
    const Weights block = weights.sub(fmt::format("encoder.block.{}", i));
    const Weights self = block.sub("layer.0.SelfAttention");
    const Value normed = norm(block.sub("layer.0.layer_norm"), x);
    const Value qkv = query_key_value(graph, self, normed, inner, {"q", "k", "v"}, Bias::kNo);
    const AttentionValues attention = attention_of(graph, qkv, options);
    x = dense(graph, self.sub("o"), attention.output, hidden, Activation::kNone, x, Bias::kNo);
    x = feed_forward(model, block.sub("layer.1.DenseReluDense"),
                     norm(block.sub("layer.1.layer_norm"), x), x, form);
    model.attentions.push_back(attention.weights);
  }
  model.last_hidden_state = norm(weights.sub("encoder.final_layer_norm"), x);
  model.hidden_states.push_back(model.last_hidden_state);
  return model;
}

}  // namespace

ModelGraph build_t5(const Config& config, const Weights& weights) {
  return build(config, weights, "relu");
}

ModelGraph build_mt5(const Config& config, const Weights& weights) {
  return build(config, weights, "gated-gelu");
}

}  // namespace weft
