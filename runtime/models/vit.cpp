// ViT (Dosovitskiy et al. 2021) and DeiT (Touvron et al. 2021): a pre-norm Transformer over the
// patches of an image, as transformers' models/vit/modeling_vit.py and deit/modeling_deit.py
// compute it.
#include <fmt/format.h>

#include "runtime/blocks.h"
#include "runtime/models/encoder_config.h"

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

/// One number for both sides, or [height, width].
std::array<std::int64_t, 2> read_sides(const Config& config, std::string_view key,
                                       std::int64_t fallback) {
  const Json* value = config.find(key);
  if (value == nullptr || !value->is_array()) {
    const std::int64_t side = config.integer_or(key, fallback, 1, kLargestSize);
    return {side, side};
  }
  std::array<std::int64_t, 2> sides{};
  const auto& items = value->items();
  for (std::size_t i = 0; i < 2; ++i) {
    if (items.size() != 2 || !items[i].is_integer() || items[i].as_integer() < 1 ||
        items[i].as_integer() > kLargestSize) {
      config.invalid(key, fmt::format("expected one size or two, found {}", value->preview()));
    }
    sides[i] = items[i].as_integer();
  }
  return sides;
}

ImageGrid read_image_grid(const Config& config, std::int64_t leading_tokens) {
  const auto [height, width] = read_sides(config, "image_size", 224);
  const auto [patch_height, patch_width] = read_sides(config, "patch_size", 16);
  ImageGrid grid;
  grid.channels = config.integer_or("num_channels", 3, 1, 1024);
  grid.height = height;
  grid.width = width;
  grid.patch_height = patch_height;
  grid.patch_width = patch_width;
  grid.leading_tokens = leading_tokens;
  if (patch_height > height || patch_width > width) {
    config.invalid("patch_size", fmt::format("expected at most image_size ({} x {}), found {} x {}",
                                             height, width, patch_height, patch_width));
  }
  if (grid.patches() > kLargestSize || grid.patch_size() > kLargestSize) {
    config.invalid("image_size",
                   fmt::format("expected at most {} patches of as many values, found {} of {}",
                               kLargestSize, grid.patches(), grid.patch_size()));
  }
  return grid;
}

/// Convolution without overlap is a linear layer over unfolded patches. Its input is 0 in the rows
/// of the leading tokens, which take their vectors, and patches their bias, from one more table.
Value image_embeddings(ModelGraph& model, const Weights& weights) {
  Graph& graph = model.graph;
  const std::int64_t hidden = model.hidden_size;
  const ImageGrid& grid = model.image;
  const Weights projection = weights.sub("patch_embeddings.projection");
  std::vector<Weight> rows{projection.get("bias", {hidden}).reshaped({1, hidden}),
                           weights.get("cls_token", {1, 1, hidden}).reshaped({1, hidden})};
  if (grid.leading_tokens == 2) {
    rows.push_back(weights.get("distillation_token", {1, 1, hidden}).reshaped({1, hidden}));
  }
  const Value tables =
      graph.embedding({{stacked_rows(rows), graph.input_ids("token_type_ids", model.tokens)},
                       {weights.get("position_embeddings", {1, grid.tokens(), hidden})
                            .reshaped({grid.tokens(), hidden}),
                        graph.input_ids("position_ids", model.tokens)}});
  const Weight kernel =
      projection.get("weight", {hidden, grid.channels, grid.patch_height, grid.patch_width});
  LinearOptions options;
  options.residual = tables;
  return graph.linear(graph.input(kFeatureInput, model.tokens, grid.patch_size()),
                      kernel.reshaped({hidden, grid.patch_size()}), options);
}

ModelGraph build_image_encoder(const Config& config, const Weights& checkpoint, const char* prefix,
                               const char* architecture, std::int64_t leading_tokens) {
  refuse_unsupported(config);
  ModelGraph model = new_model(config);
  model.bare_architectures = {architecture};
  model.input = InputKind::kImages;
  model.image = read_image_grid(config, leading_tokens);
  model.max_tokens = model.image.tokens();
  const Bias qkv_bias = config.flag_or("qkv_bias", true) ? Bias::kYes : Bias::kNo;
  const float eps = read_epsilon(config, "layer_norm_eps", 1e-12);
  const Activation activation = read_activation(config, "hidden_act", "gelu");

  const Weights weights = without_prefix(checkpoint, {prefix}, "embeddings.cls_token");
  Graph& graph = model.graph;
  const std::int64_t hidden = model.hidden_size;
  Value x = image_embeddings(model, weights.sub("embeddings"));
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
