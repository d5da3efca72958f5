// EuroBERT (Boizard et al. 2025): a pre-norm encoder with RMS norms, rotary positions, gated
// feed-forward layers and keys that several heads share (Ainslie et al. 2023), as transformers'
// models/eurobert/modeling_eurobert.py computes it.
#include <fmt/format.h>

#include "runtime/blocks.h"
#include "runtime/models/encoder_config.h"
#include "runtime/models/rotary_config.h"

namespace weft {
namespace {

/// Heads of queries, and of the keys and values that groups of them look at.
struct GroupedHeads {
  std::int64_t queries, keys, size;
};

GroupedHeads read_heads(const Config& config, ModelGraph& model) {
  model.head_size = config.integer_or("head_dim", model.head_size, 1, kLargestSize);
  const std::int64_t keys = config.integer_or("num_key_value_heads", model.heads, 1, kLargestSize);
  if (model.heads % keys != 0) {
    config.invalid(
        "num_key_value_heads",
        fmt::format("expected a divisor of num_attention_heads ({}), found {}", model.heads, keys));
  }
  return {model.heads, keys, model.head_size};
}

/// Each head of `x` as often as there are queries that look at it.
Value repeated(Graph& graph, Value x, const GroupedHeads& heads) {
  if (heads.keys == heads.queries) return x;
  std::vector<Value> parts;
  for (std::int64_t i = 0; i < heads.queries; ++i) {
    const std::int64_t head = i / (heads.queries / heads.keys);
    parts.push_back(graph.columns(x, head * heads.size, heads.size));
  }
  return graph.concat(parts);
}

Projection projection(const Weights& weights, std::int64_t out, std::int64_t in, Bias bias) {
  return {weights.get("weight", {out, in}),
          bias == Bias::kYes ? weights.get("bias", {out}) : Weight()};
}

AttentionValues attend(Graph& graph, const Weights& own, Value x, const Rotary& rotary,
                       const GroupedHeads& heads, Bias bias) {
  const std::int64_t hidden = graph.cols(x);
  const std::int64_t q = heads.queries * heads.size, k = heads.keys * heads.size;
  const Value qkv = graph.linear(x, {projection(own.sub("q_proj"), q, hidden, bias),
                                     projection(own.sub("k_proj"), k, hidden, bias),
                                     projection(own.sub("v_proj"), k, hidden, bias)});
  const Value turned = graph.rotary(graph.columns(qkv, 0, q + k), rotary.positions, rotary.table,
                                    heads.queries + heads.keys, rotary.pairs);
  return graph.attention(
      graph.columns(turned, 0, q), repeated(graph, graph.columns(turned, q, k), heads),
      repeated(graph, graph.columns(qkv, q + k, k), heads), {.heads = heads.queries});
}

}  // namespace

ModelGraph build_eurobert(const Config& config, const Weights& checkpoint) {
  refuse_unsupported(config, CustomCode::kKnown);
  ModelGraph model = new_token_model(config);
  model.bare_architectures = {"EuroBertModel"};
  model.max_tokens = config.integer_or("max_position_embeddings", 8192, 1, kMostRotaryPositions);
  model.positions = PositionRule::kInSequence;
  const GroupedHeads heads = read_heads(config, model);
  const float eps = read_epsilon(config, "rms_norm_eps", 1e-5);
  const Activation activation = read_activation(config, "hidden_act", "silu");
  const auto bias = [&](const char* key) {
    return config.flag_or(key, false) ? Bias::kYes : Bias::kNo;
  };
  const Bias attention_bias = bias("attention_bias"), mlp_bias = bias("mlp_bias");
  const RotaryTableOptions angles = read_rotary(config, 10000, model.head_size);

  const Weights weights = without_prefix(checkpoint, {"model"}, "embed_tokens.weight");
  Graph& graph = model.graph;
  const std::int64_t hidden = model.hidden_size;
  const auto norm = [&](const Weights& of, Value x) {
    return graph.rms_norm(x, of.get("weight", {hidden}), eps);
  };
  Value x = graph.embedding({{weights.get("embed_tokens.weight", {model.vocabulary_size, hidden}),
                              graph.input_ids("input_ids", model.tokens)}});
  const Rotary rotary{graph.input_ids("position_ids", model.tokens),
                      graph.constant(rotary_table(model.max_tokens, model.head_size, angles))};
  for (std::int64_t i = 0; i < model.layers; ++i) {
    model.hidden_states.push_back(x);
    const Weights layer = weights.sub(fmt::format("layers.{}", i));
    const Weights own = layer.sub("self_attn");
    const AttentionValues attention =
        attend(graph, own, norm(layer.sub("input_layernorm"), x), rotary, heads, attention_bias);
    x = dense(graph, own.sub("o_proj"), attention.output, hidden, Activation::kNone, x,
              attention_bias);
    const Weights mlp = layer.sub("mlp");
    const Value both =
        graph.linear(norm(layer.sub("post_attention_layernorm"), x),
                     {projection(mlp.sub("gate_proj"), model.intermediate_size, hidden, mlp_bias),
                      projection(mlp.sub("up_proj"), model.intermediate_size, hidden, mlp_bias)});
    x = dense(graph, mlp.sub("down_proj"), gated_halves(graph, both, Half::kFirst, activation),
              hidden, Activation::kNone, x, mlp_bias);
    model.attentions.push_back(attention.weights);
  }
  model.last_hidden_state = norm(weights.sub("norm"), x);
  model.hidden_states.push_back(model.last_hidden_state);
  return model;
}

}  // namespace weft
