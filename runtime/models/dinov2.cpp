// DINOv2 (Oquab et al. 2023): ViT with LayerScale (Touvron et al. 2021) and, in the giant model, a
// gated feed-forward layer, as transformers' models/dinov2/modeling_dinov2.py computes it.
#include <fmt/format.h>

#include "runtime/blocks.h"
#include "runtime/models/encoder_config.h"
#include "runtime/models/image_blocks.h"

namespace weft {
namespace {

/// Each row of `matrix`, or element of a vector, times its element of `scale`.
Weight scaled_rows(const Weight& matrix, const Weight& scale) {
  const std::int64_t rows = scale.size(), cols = matrix.size() / rows;
  const auto read = [](std::span<const Weight> parts, std::int64_t first, std::int64_t count,
                       float* out) {
    std::vector<float> factors(static_cast<std::size_t>(count));
    parts[0].read_f32(first, count, out);
    parts[1].read_f32(first, count, factors.data());
    for (const float factor : factors) {
      for (std::int64_t i = 0; i < parts[0].cols(); ++i) *out++ *= factor;
    }
  };
  return computed_rows("rows scaled", rows, cols,
                       {matrix.reshaped({rows, cols}), scale.reshaped({rows, 1})}, read)
      .reshaped(matrix.shape());
}

/// x + scale * (y W^T + b): LayerScale is part of the weights.
Value add_scaled(Graph& graph, const Weights& weights, const Weights& scale, Value y, Value x) {
  const std::int64_t hidden = graph.cols(x);
  const Weight factors = scale.get("lambda1", {hidden});
  LinearOptions options;
  options.bias = scaled_rows(weights.get("bias", {hidden}), factors);
  options.residual = x;
  return graph.linear(y, scaled_rows(weights.get("weight", {hidden, graph.cols(y)}), factors),
                      options);
}

Value gated_units(ModelGraph& model, const Weights& mlp, Value x) {
  const std::int64_t inner = model.intermediate_size;
  Value both;
  if (mlp.has("weights_in.weight")) {
    both = dense(model.graph, mlp.sub("weights_in"), x, 2 * inner);
  } else {
    const auto projection = [&](const char* name) {
      const Weights weights = mlp.sub(name);
      return Projection{weights.get("weight", {inner, model.hidden_size}),
                        weights.get("bias", {inner})};
    };
    both = model.graph.linear(x, {projection("gate_proj"), projection("up_proj")});
  }
  return gated_halves(model.graph, both, Half::kFirst, Activation::kSilu);
}

}  // namespace

ModelGraph build_dinov2(const Config& config, const Weights& checkpoint) {
  refuse_unsupported(config);
  ModelGraph model = new_model(config, {.intermediate_size = {}});
  config.require("head_dim", model.head_size);
  model.bare_architectures = {"Dinov2Model"};
  read_image_grid(config, model, 1, 14);
  if (model.image.height != model.image.width) {
    config.unsupported("image_size", fmt::format("[{}, {}] is not supported, only squares",
                                                 model.image.height, model.image.width));
  }
  const std::int64_t hidden = model.hidden_size;
  const std::int64_t inner = hidden * config.integer_or("mlp_ratio", 4, 1, 1024);
  const bool gated = config.flag_or("use_swiglu_ffn", false);
  model.intermediate_size = gated ? (inner * 2 / 3 + 7) / 8 * 8 : inner;
  const Bias qkv_bias = config.flag_or("qkv_bias", true) ? Bias::kYes : Bias::kNo;
  const float eps = read_epsilon(config, "layer_norm_eps", 1e-6);
  const Activation activation = read_activation(config, "hidden_act", "gelu");

  const Weights weights = without_prefix(checkpoint, {"dinov2"}, "embeddings.cls_token");
  Graph& graph = model.graph;
  if (const char* mask = "embeddings.mask_token"; weights.has(mask)) {
    (void)weights.get(mask, {1, hidden});  // of training: no patch is ever masked
  }
  Value x = image_embeddings(model, weights.sub("embeddings"), OtherSizes::kTaken);
  model.hidden_states.push_back(x);
  for (std::int64_t i = 0; i < model.layers; ++i) {
    const Weights layer = weights.sub(fmt::format("encoder.layer.{}", i));
    const Weights own = layer.sub("attention");
    // transformers 5 renamed the modules; it saves them by the older names.
    const bool older = own.has("attention.query.weight");
    const AttentionValues attention = self_attention(
        graph, older ? own.sub("attention") : own, layer_norm(graph, layer.sub("norm1"), x, eps),
        {.heads = model.heads},
        older ? kBertProjections : ProjectionNames{"q_proj", "k_proj", "v_proj"}, qkv_bias);
    x = add_scaled(graph, own.sub(older ? "output.dense" : "o_proj"), layer.sub("layer_scale1"),
                   attention.output, x);
    const Weights mlp = layer.sub("mlp");
    const Value y = layer_norm(graph, layer.sub("norm2"), x, eps);
    if (gated) {
      const char* down = mlp.has("weights_out.weight") ? "weights_out" : "down_proj";
      x = add_scaled(graph, mlp.sub(down), layer.sub("layer_scale2"), gated_units(model, mlp, y),
                     x);
    } else {
      const Value up = dense(graph, mlp.sub("fc1"), y, model.intermediate_size, activation);
      x = add_scaled(graph, mlp.sub("fc2"), layer.sub("layer_scale2"), up, x);
    }
    model.hidden_states.push_back(x);
    model.attentions.push_back(attention.weights);
  }
  model.last_hidden_state = layer_norm(graph, weights.sub("layernorm"), x, eps);
  model.pooler_output = graph.pool(model.last_hidden_state, Pooling::kCls);
  return model;
}

}  // namespace weft
