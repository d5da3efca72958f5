// torch.nn.TransformerEncoder (Vaswani et al. 2017), or one torch.nn.TransformerEncoderLayer, over
// given vectors, from its state dict and a config.json with the names and defaults of torch's
// constructors:
//   {"model_type": "torch.nn.TransformerEncoder", "d_model": 64, "nhead": 4, "num_layers": 2,
//    "dim_feedforward": 2048, "activation": "relu", "layer_norm_eps": 1e-5, "norm_first": false,
//    "bias": true}
// A single layer has the same keys but num_layers. The final LayerNorm of an encoder is there if
// the state dict has norm.weight.
#include <fmt/format.h>

#include "runtime/blocks.h"
#include "runtime/models/encoder_config.h"
#include "runtime/models/torch_blocks.h"

namespace weft {

AttentionValues torch_self_attention(Graph& graph, const Weights& weights, Value x,
                                     std::int64_t heads, Bias bias) {
  const std::int64_t hidden = graph.cols(x);
  LinearOptions options;
  if (bias == Bias::kYes) options.bias = weights.get("in_proj_bias", {3 * hidden});
  const Value qkv = graph.linear(x, weights.get("in_proj_weight", {3 * hidden, hidden}), options);
  return attention_of(graph, qkv, {.heads = heads});
}

namespace {

ModelGraph new_torch_model(const Config& config, std::string_view layers) {
  refuse_unsupported(config);
  ModelGraph model = new_model(config, {.hidden_size = "d_model",
                                        .layers = layers,
                                        .heads = "nhead",
                                        .intermediate_size = "dim_feedforward"});
  model.input = InputKind::kVectors;
  model.max_tokens = kLongestWithoutPositions;
  return model;
}

}  // namespace

TorchSettings read_torch_settings(const Config& config) {
  return {.activation = read_activation(config, "activation", "relu"),
          .eps = read_epsilon(config, "layer_norm_eps", 1e-5),
          .norm = config.flag_or("norm_first", false) ? TorchNorm::kBefore : TorchNorm::kAfter,
          .bias = config.flag_or("bias", true) ? Bias::kYes : Bias::kNo};
}

Value torch_feed_forward(ModelGraph& model, const Weights& layer, Value x, Value residual,
                         std::int64_t intermediate_size, const TorchSettings& settings) {
  Graph& graph = model.graph;
  const Value up = dense(graph, layer.sub("linear1"), x, intermediate_size, settings.activation, {},
                         settings.bias);
  return dense(graph, layer.sub("linear2"), up, model.hidden_size, Activation::kNone, residual,
               settings.bias);
}

Value torch_encoder_layer(ModelGraph& model, const Weights& layer, Value x,
                          const TorchSettings& settings) {
  Graph& graph = model.graph;
  const auto norm = [&](const char* name, Value of) {
    return layer_norm(graph, layer.sub(name), of, settings.eps, settings.bias);
  };
  model.hidden_states.push_back(x);
  const Value in = settings.norm == TorchNorm::kBefore ? norm("norm1", x) : x;
  const AttentionValues seen =
      torch_self_attention(graph, layer.sub("self_attn"), in, model.heads, settings.bias);
  model.attentions.push_back(seen.weights);
  const Value y = dense(graph, layer.sub("self_attn.out_proj"), seen.output, model.hidden_size,
                        Activation::kNone, x, settings.bias);
  if (settings.norm == TorchNorm::kBefore) {
    return torch_feed_forward(model, layer, norm("norm2", y), y, model.intermediate_size, settings);
  }
  const Value z = norm("norm1", y);
  return norm("norm2", torch_feed_forward(model, layer, z, z, model.intermediate_size, settings));
}

ModelGraph build_torch_encoder(const Config& config, const Weights& weights) {
  ModelGraph model = new_torch_model(config, "num_layers");
  const TorchSettings settings = read_torch_settings(config);
  Value x = model.graph.input(kFeatureInput, model.tokens, model.hidden_size);
  for (std::int64_t i = 0; i < model.layers; ++i) {
    x = torch_encoder_layer(model, weights.sub(fmt::format("layers.{}", i)), x, settings);
  }
  // A module of its own, which the layers' `bias` says nothing about.
  if (const Weights norm = weights.sub("norm"); norm.has("weight")) {
    const Bias bias = norm.has("bias") ? Bias::kYes : settings.bias;
    x = layer_norm(model.graph, norm, x, settings.eps, bias);
  }
  model.hidden_states.push_back(x);
  model.last_hidden_state = x;
  return model;
}

ModelGraph build_torch_encoder_layer(const Config& config, const Weights& weights) {
  ModelGraph model = new_torch_model(config, {});
  const Value x = model.graph.input(kFeatureInput, model.tokens, model.hidden_size);
  model.last_hidden_state = torch_encoder_layer(model, weights, x, read_torch_settings(config));
  model.hidden_states.push_back(model.last_hidden_state);
  return model;
}

}  // namespace weft
