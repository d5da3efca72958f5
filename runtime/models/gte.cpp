// GTE (Zhang et al. 2024, "mGTE"): post-norm BERT with rotary positions and gated feed-forward
// layers. transformers' models/gte/modeling_gte.py computes it; older checkpoints, of model_type
// "new", bring their own code and names.
#include <fmt/format.h>

#include "runtime/blocks.h"
#include "runtime/models/bert_blocks.h"
#include "runtime/models/encoder_config.h"
#include "runtime/models/rotary_config.h"

namespace weft {
namespace {

/// What the two generations of checkpoints call the parts of a layer.
struct LayerNames {
  const char *layer, *attention, *fused_projections, *attention_norm, *fused_gate, *output_norm;
};
constexpr LayerNames kToday{"layers.{}", "self_attn",         nullptr, "post_attention_layernorm",
                            nullptr,     "post_mlp_layernorm"};
constexpr LayerNames kOlder{"encoder.layer.{}", "attention",        "qkv_proj",
                            "attn_ln",          "mlp.up_gate_proj", "mlp_ln"};

/// The activation of the gate's half times the other. (tokens, intermediate)
Value gated_units(ModelGraph& model, const Weights& layer, const LayerNames& names, Value x,
                  Activation activation) {
  Graph& graph = model.graph;
  const std::int64_t inner = model.intermediate_size;
  if (names.fused_gate != nullptr) {
    const Value both =
        dense(graph, layer.sub(names.fused_gate), x, 2 * inner, Activation::kNone, {}, Bias::kNo);
    return gated_halves(graph, both, Half::kSecond, activation);
  }
  const auto projection = [&](const char* name) {
    return Projection{layer.get(name, {inner, model.hidden_size}), {}};
  };
  const Value both =
      graph.linear(x, {projection("mlp.gate_proj.weight"), projection("mlp.up_proj.weight")});
  return gated_halves(graph, both, Half::kFirst, activation);
}

Value projections(ModelGraph& model, const Weights& attention, const LayerNames& names, Value x) {
  const std::int64_t hidden = model.hidden_size;
  if (names.fused_projections != nullptr &&
      attention.has(std::string(names.fused_projections) + ".weight")) {
    return dense(model.graph, attention.sub(names.fused_projections), x, 3 * hidden);
  }
  return query_key_value(model.graph, attention, x, hidden, {"q_proj", "k_proj", "v_proj"});
}

struct Defaults {
  double theta;
  std::int64_t positions;
};

ModelGraph build(const Config& config, const Weights& checkpoint, const Defaults& defaults) {
  refuse_unsupported(config, CustomCode::kKnown);
  config.require("position_embedding_type", "rope");
  config.require("layer_norm_type", "layer_norm");
  config.require("logn_attention_scale", false);
  ModelGraph model = new_token_model(config);
  model.bare_architectures = {"GteModel", "NewModel"};
  model.max_tokens =
      config.integer_or("max_position_embeddings", defaults.positions, 1, kMostRotaryPositions);
  model.positions = PositionRule::kInSequence;
  model.type_vocabulary_size = config.integer_or("type_vocab_size", 1, 0, kLargestSize);
  const float eps = read_epsilon(config, "layer_norm_eps", 1e-12);
  const Activation activation = read_activation(config, "hidden_act", "gelu");
  const RotaryTableOptions angles = read_rotary(config, defaults.theta, model.head_size);

  const Weights weights =
      without_prefix(checkpoint, {"gte", "new"}, "embeddings.word_embeddings.weight");
  const LayerNames& names =
      weights.has("layers.0.post_attention_layernorm.weight") ? kToday : kOlder;
  Graph& graph = model.graph;
  const std::int64_t hidden = model.hidden_size;
  Value x = word_and_type_embeddings(model, weights.sub("embeddings"));
  x = layer_norm(graph, weights.sub("embeddings.LayerNorm"), x, eps);
  model.hidden_states.push_back(x);

  const Rotary rotary{graph.input_ids("position_ids", model.tokens),
                      graph.constant(rotary_table(model.max_tokens, model.head_size, angles))};
  for (std::int64_t i = 0; i < model.layers; ++i) {
    const Weights layer = weights.sub(fmt::format(fmt::runtime(names.layer), i));
    const Weights own = layer.sub(names.attention);
    const AttentionValues attention =
        rotary_attention(graph, projections(model, own, names, x), rotary, {.heads = model.heads});
    const Value mixed =
        dense(graph, own.sub("o_proj"), attention.output, hidden, Activation::kNone, x);
    const Value y = layer_norm(graph, layer.sub(names.attention_norm), mixed, eps);
    const Value units = gated_units(model, layer, names, y, activation);
    const Value down =
        dense(graph, layer.sub("mlp.down_proj"), units, hidden, Activation::kNone, y);
    x = layer_norm(graph, layer.sub(names.output_norm), down, eps);
    model.hidden_states.push_back(x);
    model.attentions.push_back(attention.weights);
  }
  model.last_hidden_state = x;
  bert_pooler(model, weights.sub("pooler.dense"));
  return model;
}

}  // namespace

ModelGraph build_gte(const Config& config, const Weights& weights) {
  return build(config, weights, {.theta = 160000, .positions = 8192});
}

ModelGraph build_new(const Config& config, const Weights& weights) {
  return build(config, weights, {.theta = 10000, .positions = 2048});
}

}  // namespace weft
