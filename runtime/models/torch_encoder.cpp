// torch.nn.TransformerEncoder (Vaswani et al. 2017) over given vectors, from its state dict and a
// config.json with the names and defaults of torch's constructors:
//   {"model_type": "torch.nn.TransformerEncoder", "d_model": 64, "nhead": 4, "num_layers": 2,
//    "dim_feedforward": 2048, "activation": "relu", "layer_norm_eps": 1e-5, "norm_first": false,
//    "bias": true}
// The final LayerNorm is there if the state dict has norm.weight.
#include <fmt/format.h>

#include "runtime/blocks.h"
#include "runtime/models/encoder_config.h"

namespace weft {
namespace {

struct Settings {
  Activation activation;
  float eps;
  Bias bias;
};

AttentionValues attention(ModelGraph& model, const Weights& weights, Value x, Bias bias) {
  Graph& graph = model.graph;
  const std::int64_t hidden = model.hidden_size;
  LinearOptions options;
  if (bias == Bias::kYes) options.bias = weights.get("in_proj_bias", {3 * hidden});
  const Value qkv = graph.linear(x, weights.get("in_proj_weight", {3 * hidden, hidden}), options);
  return attention_of(graph, qkv, {.heads = model.heads});
}

Value feed_forward(ModelGraph& model, const Weights& layer, Value x, Value residual,
                   const Settings& settings) {
  Graph& graph = model.graph;
  const Value up = dense(graph, layer.sub("linear1"), x, model.intermediate_size,
                         settings.activation, {}, settings.bias);
  return dense(graph, layer.sub("linear2"), up, model.hidden_size, Activation::kNone, residual,
               settings.bias);
}

}  // namespace

ModelGraph build_torch_encoder(const Config& config, const Weights& weights) {
  refuse_unsupported(config);
  ModelGraph model = new_model(config, {.hidden_size = "d_model",
                                        .layers = "num_layers",
                                        .heads = "nhead",
                                        .intermediate_size = "dim_feedforward"});
  model.input = InputKind::kVectors;
  model.max_tokens = kLongestWithoutPositions;
  const bool norm_first = config.flag_or("norm_first", false);
  const Settings settings{read_activation(config, "activation", "relu"),
                          read_epsilon(config, "layer_norm_eps", 1e-5),
                          config.flag_or("bias", true) ? Bias::kYes : Bias::kNo};
  const auto norm = [&](const Weights& of, Value x) {
    return layer_norm(model.graph, of, x, settings.eps, settings.bias);
  };

  Graph& graph = model.graph;
  Value x = graph.input(kFeatureInput, model.tokens, model.hidden_size);
  for (std::int64_t i = 0; i < model.layers; ++i) {
    const Weights layer = weights.sub(fmt::format("layers.{}", i));
    model.hidden_states.push_back(x);
    const Value in = norm_first ? norm(layer.sub("norm1"), x) : x;
    const AttentionValues seen = attention(model, layer.sub("self_attn"), in, settings.bias);
    const Value y = dense(graph, layer.sub("self_attn.out_proj"), seen.output, model.hidden_size,
                          Activation::kNone, x, settings.bias);
    if (norm_first) {
      x = feed_forward(model, layer, norm(layer.sub("norm2"), y), y, settings);
    } else {
      const Value z = norm(layer.sub("norm1"), y);
      x = norm(layer.sub("norm2"), feed_forward(model, layer, z, z, settings));
    }
    model.attentions.push_back(seen.weights);
  }
  if (weights.has("norm.weight")) x = norm(weights.sub("norm"), x);
  model.hidden_states.push_back(x);
  model.last_hidden_state = x;
  return model;
}

}  // namespace weft
