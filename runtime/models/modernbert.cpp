// ModernBERT (Warner et al. 2024): pre-norm, rotary positions, gated feed-forward layers, attention
// within a window in most layers, as transformers' models/modernbert/modeling_modernbert.py
// computes it.
#include <fmt/format.h>

#include "runtime/blocks.h"
#include "runtime/models/encoder_config.h"
#include "runtime/models/rotary_config.h"

namespace weft {
namespace {

enum class Reach : std::uint8_t { kFull, kSliding };

/// layer_types, or every n-th layer, the first one included, sees everything.
std::vector<Reach> read_layer_types(const Config& config, std::int64_t layers) {
  std::vector<Reach> reach;
  if (!config.has("layer_types")) {
    const std::int64_t every = config.integer_or("global_attn_every_n_layers", 3, 1, kLargestSize);
    for (std::int64_t i = 0; i < layers; ++i) {
      reach.push_back(i % every == 0 ? Reach::kFull : Reach::kSliding);
    }
    return reach;
  }
  for (const std::string& type : config.texts_or_empty("layer_types")) {
    if (type != "full_attention" && type != "sliding_attention") {
      config.unsupported("layer_types", fmt::format("\"{}\" is not supported, only "
                                                    "full_attention and sliding_attention",
                                                    type));
    }
    reach.push_back(type == "full_attention" ? Reach::kFull : Reach::kSliding);
  }
  if (static_cast<std::int64_t>(reach.size()) != layers) {
    config.invalid("layer_types", fmt::format("expected num_hidden_layers ({}) of them, found {}",
                                              layers, reach.size()));
  }
  return reach;
}

/// rope_parameters{full_attention, sliding_attention} or, before transformers 5, two thetas.
RotaryTableOptions read_angles(const Config& config, Reach reach, std::int64_t head_size) {
  if (config.has("rope_scaling")) config.unsupported("rope_scaling", "is not supported");
  const bool full = reach == Reach::kFull;
  const double global_theta = config.positive_or("global_rope_theta", 160000);
  // null, unlike nothing, means that there is one theta for all.
  const Json* local = config.object().find("local_rope_theta");
  const double local_theta = local != nullptr && local->is_null()
                                 ? global_theta
                                 : config.positive_or("local_rope_theta", 10000);
  RotaryTableOptions options;
  options.base = full ? global_theta : local_theta;
  if (!config.has("rope_parameters")) return options;
  const Config parameters = section_of(config, "rope_parameters");
  for (const char* key : {"rope_theta", "rope_type", "type"}) {
    if (parameters.has(key)) {
      parameters.unsupported(key, "is only supported within full_attention, sliding_attention");
    }
  }
  const char* key = full ? "full_attention" : "sliding_attention";
  return parameters.has(key)
             ? read_rotary_section(section_of(parameters, key), options.base, head_size)
             : options;
}

}  // namespace

ModelGraph build_modernbert(const Config& config, const Weights& checkpoint) {
  refuse_unsupported(config);
  ModelGraph model = new_token_model(config);
  model.bare_architectures = {"ModernBertModel"};
  model.max_tokens = config.integer("max_position_embeddings", 1, kMostRotaryPositions);
  model.positions = PositionRule::kInSequence;
  const float eps = read_epsilon(config, "norm_eps", 1e-5);
  const Activation activation = read_activation(config, "hidden_activation", "gelu");
  const auto bias = [&](const char* key) {
    return config.flag_or(key, false) ? Bias::kYes : Bias::kNo;
  };
  const Bias norm_bias = bias("norm_bias");
  const Bias mlp_bias = bias("mlp_bias");
  const Bias attention_bias = bias("attention_bias");
  const std::vector<Reach> reach = read_layer_types(config, model.layers);
  const std::int64_t window = config.integer_or("local_attention", 128, 2, kLargestSize) / 2;

  const Weights weights = without_prefix(checkpoint, {"model"}, "embeddings.tok_embeddings.weight");
  Graph& graph = model.graph;
  const std::int64_t hidden = model.hidden_size;
  const auto norm = [&](const Weights& of, Value x) {
    return layer_norm(graph, of, x, eps, norm_bias);
  };
  Value x = graph.embedding(
      {{weights.get("embeddings.tok_embeddings.weight", {model.vocabulary_size, hidden}),
        graph.input_ids("input_ids", model.tokens)}});
  x = norm(weights.sub("embeddings.norm"), x);

  const Value positions = graph.input_ids("position_ids", model.tokens);
  const auto table = [&](Reach of) {
    return graph.constant(
        rotary_table(model.max_tokens, model.head_size, read_angles(config, of, model.head_size)));
  };
  const Rotary full{positions, table(Reach::kFull)};
  const Rotary sliding{positions, table(Reach::kSliding)};
  for (std::int64_t i = 0; i < model.layers; ++i) {
    model.hidden_states.push_back(x);
    const Weights layer = weights.sub(fmt::format("layers.{}", i));
    const bool sees_all = reach[static_cast<std::size_t>(i)] == Reach::kFull;
    const Value in = i == 0 ? x : norm(layer.sub("attn_norm"), x);
    const Value qkv =
        dense(graph, layer.sub("attn.Wqkv"), in, 3 * hidden, Activation::kNone, {}, attention_bias);
    AttentionOptions options;
    options.heads = model.heads;
    if (!sees_all) options.window = window;
    const AttentionValues attention =
        rotary_attention(graph, qkv, sees_all ? full : sliding, options);
    x = dense(graph, layer.sub("attn.Wo"), attention.output, hidden, Activation::kNone, x,
              attention_bias);
    const Weights mlp = layer.sub("mlp");
    const Value both = dense(graph, mlp.sub("Wi"), norm(layer.sub("mlp_norm"), x),
                             2 * model.intermediate_size, Activation::kNone, {}, mlp_bias);
    x = dense(graph, mlp.sub("Wo"), gated_halves(graph, both, Half::kFirst, activation), hidden,
              Activation::kNone, x, mlp_bias);
    model.attentions.push_back(attention.weights);
  }
  model.last_hidden_state = norm(weights.sub("final_norm"), x);
  model.hidden_states.push_back(model.last_hidden_state);
  return model;
}

}  // namespace weft
