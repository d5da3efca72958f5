// ViT (Dosovitskiy et al. 2021) and DeiT (Touvron et al. 2021): a pre-norm Transformer over the
// patches of an image, as transformers' models/vit/modeling_vit.py and deit/modeling_deit.py
// compute it.
#include <fmt/format.h>

#include "runtime/blocks.h"
#include "runtime/models/encoder_config.h"
#include "runtime/models/image_blocks.h"

namespace weft {
namespace {

/// The names of one layer's parameters.
struct LayerNames {
  std::string prefix;
  std::array<const char*, 3> projections;
  const char *output, *up, *down;
};

LayerNames layer_names(const Weights& weights, std::int64_t i) {
  // transformers 5 renamed the modules; nearly all checkpoints have the older names.
  if (weights.has("layers.0.layernorm_before.weight")) {
    return {fmt::format("layers.{}", i),
            {"attention.q_proj", "attention.k_proj", "attention.v_proj"},
            "attention.o_proj",
            "mlp.fc1",
            "mlp.fc2"};
  }
  return {fmt::format("encoder.layer.{}", i),
          {"attention.attention.query", "attention.attention.key", "attention.attention.value"},
          "attention.output.dense",
          "intermediate.dense",
          "output.dense"};
}

ModelGraph build_image_encoder(const Config& config, const Weights& checkpoint, const char* prefix,
                               const char* architecture, std::int64_t leading_tokens) {
  refuse_unsupported(config);
  ModelGraph model = new_model(config);
  model.bare_architectures = {architecture};
  read_image_grid(config, model, leading_tokens, 16);
  const Bias qkv_bias = config.flag_or("qkv_bias", true) ? Bias::kYes : Bias::kNo;
  const float eps = read_epsilon(config, "layer_norm_eps", 1e-12);
  const Activation activation = read_activation(config, "hidden_act", "gelu");

  const Weights weights = without_prefix(checkpoint, {prefix}, "embeddings.cls_token");
  Graph& graph = model.graph;
  const std::int64_t hidden = model.hidden_size;
  Value x = image_embeddings(model, weights.sub("embeddings"), OtherSizes::kRefused);
  model.hidden_states.push_back(x);
  for (std::int64_t i = 0; i < model.layers; ++i) {
    const LayerNames names = layer_names(weights, i);
    const Weights layer = weights.sub(names.prefix);
    const Value before = layer_norm(graph, layer.sub("layernorm_before"), x, eps);
    const AttentionValues attention =
        self_attention(graph, layer, before, {.heads = model.heads}, names.projections, qkv_bias);
    x = dense(graph, layer.sub(names.output), attention.output, hidden, Activation::kNone, x);
    const Value after = layer_norm(graph, layer.sub("layernorm_after"), x, eps);
    const Value up = dense(graph, layer.sub(names.up), after, model.intermediate_size, activation);
    x = dense(graph, layer.sub(names.down), up, hidden, Activation::kNone, x);
    model.hidden_states.push_back(x);
    model.attentions.push_back(attention.weights);
  }
  model.last_hidden_state = layer_norm(graph, weights.sub("layernorm"), x, eps);

  if (const Weights pooler = weights.sub("pooler.dense"); pooler.has("weight")) {
    const std::int64_t size = config.integer_or("pooler_output_size", hidden, 1, kLargestSize);
    model.pooler_output = dense(graph, pooler, graph.pool(model.last_hidden_state, Pooling::kCls),
                                size, read_activation(config, "pooler_act", "tanh"));
  } else {
    model.missing.push_back(pooler.prefix() + "weight");
  }
  return model;
}

}  // namespace

ModelGraph build_vit(const Config& config, const Weights& weights) {
  return build_image_encoder(config, weights, "vit", "ViTModel", 1);
}

ModelGraph build_deit(const Config& config, const Weights& weights) {
  return build_image_encoder(config, weights, "deit", "DeiTModel", 2);
}

}  // namespace weft
