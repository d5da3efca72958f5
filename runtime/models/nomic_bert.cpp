// Nomic BERT (Nussbaum et al. 2024): post-norm BERT with rotary positions and gated feed-forward
// layers. transformers' models/nomic_bert/modeling_nomic_bert.py computes it; older checkpoints
// bring their own code, with GPT-2's names in config.json and names of their own for the tensors.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "runtime/blocks.h"
#include "runtime/models/bert_blocks.h"
#include "runtime/models/encoder_config.h"
#include "runtime/models/rotary_config.h"

namespace weft {
namespace {

/// What config.json says in either generation.
struct Settings {
  float eps;
  Activation activation;
  RotaryTableOptions angles;
  RotaryPairs pairs = RotaryPairs::kHalves;
  std::int64_t turned_columns;  // of a head
  Bias attention_bias = Bias::kNo, up_bias = Bias::kNo, down_bias = Bias::kNo;
};

/// Whether rotary positions are scaled beyond the trained length, by the length of the input.
bool scales_dynamically(const Config& config) {
  if (config.has("rotary_scaling_factor")) return true;
  return config.has("rope_parameters") &&
         section_of(config, "rope_parameters").text_or("rope_type", "default") == "dynamic";
}

Settings read_today(const Config& config, ModelGraph& model) {
  config.require("head_dim", model.head_size);
  Settings settings;
  model.max_tokens = config.integer_or("max_position_embeddings", 2048, 1, kMostRotaryPositions);
  if (!scales_dynamically(config)) {  // files for both generations: the trained length, and all
    model.max_tokens =
        std::max(model.max_tokens, config.integer_or("n_positions", 1, 1, kMostRotaryPositions));
  }
  settings.eps = read_epsilon(config, "layer_norm_eps", 1e-12);
  settings.activation = read_activation(config, "hidden_act", "silu");
  settings.angles = read_rotary(config, 1000, model.head_size);
  settings.turned_columns = model.head_size;
  return settings;
}

/// "swiglu" and the like name the activation of the gate.
Activation read_gate(const Config& config) {
  const std::string name = config.text_or("activation_function", "gelu_new");
  if (name == "swiglu") return Activation::kSilu;
  if (name == "geglu") return Activation::kGelu;
  if (name == "glu") return Activation::kSigmoid;
  config.unsupported("activation_function",
                     fmt::format("\"{}\" is not supported, only swiglu, geglu and glu", name));
}

std::int64_t round_up(std::int64_t size, std::int64_t multiple) {
  return (size + multiple - 1) / multiple * multiple;
}

/// Columns of a head that are turned.
std::int64_t read_turned_columns(const Config& config, std::int64_t head_size) {
  const Json* fraction = config.find("rotary_emb_fraction");
  if (fraction == nullptr || !fraction->is_number() || !(fraction->as_number() > 0) ||
      fraction->as_number() > 1) {
    config.unsupported("rotary_emb_fraction",
                       "expected a number above 0, at most 1: learned positions are not supported");
  }
  const double columns = static_cast<double>(head_size) * fraction->as_number();
  if (columns != 2 * std::floor(columns / 2)) {
    config.unsupported("rotary_emb_fraction",
                       fmt::format("expected an even number of a head's {} columns, found {}",
                                   head_size, columns));
  }
  return static_cast<std::int64_t>(columns);
}

Settings read_older(const Config& config, ModelGraph& model) {
  Settings settings;
  model.max_tokens = config.integer("n_positions", 1, kMostRotaryPositions);
  if (scales_dynamically(config)) {  // beyond this a result would depend on the padding
    model.max_tokens = std::min(model.max_tokens, config.integer_or("max_trained_positions", 2048,
                                                                    1, kMostRotaryPositions));
  }
  settings.eps = read_epsilon(config, "layer_norm_epsilon", 1e-5);
  settings.activation = read_gate(config);
  settings.angles.base = config.positive_or("rotary_emb_base", 10000);
  if (config.flag_or("rotary_emb_interleaved", false)) settings.pairs = RotaryPairs::kInterleaved;
  settings.turned_columns = read_turned_columns(config, model.head_size);
  const auto bias = [&](const char* key) {
    return config.flag_or(key, true) ? Bias::kYes : Bias::kNo;
  };
  settings.attention_bias = bias("qkv_proj_bias");
  settings.up_bias = bias("mlp_fc1_bias");
  settings.down_bias = bias("mlp_fc2_bias");
  const std::int64_t multiple = config.integer_or("pad_vocab_size_multiple", 1, 1, kLargestSize);
  model.vocabulary_size = round_up(model.vocabulary_size, multiple);
  model.intermediate_size = round_up(model.intermediate_size, 256);  // whatever n_inner says
  return settings;
}

/// What the checkpoints' own code can do besides, asked for in either generation's files.
void refuse_own_options(const Config& config, std::int64_t heads) {
  for (const char* key : {"prenorm", "parallel_block", "use_rms_norm", "causal", "norm_mlp"}) {
    config.require(key, false);
  }
  config.require("num_heads_kv", heads);
  if (config.has("rotary_emb_scale_base")) {
    config.unsupported("rotary_emb_scale_base", "is not supported, only null");
  }
  // Without it num_experts means nothing: all layers are dense.
  if (config.integer_or("moe_every_n_layers", 0, -1, kLargestSize) > 0) {
    config.unsupported("moe_every_n_layers", "mixtures of experts are not supported");
  }
}

/// What the two generations of checkpoints call the parts of a layer.
struct LayerNames {
  const char *embedding_norm, *layer, *attention, *output, *gate, *up, *down, *attention_norm,
      *output_norm;
};
constexpr LayerNames kToday{
    "embeddings.LayerNorm", "layers.{}",   "self_attn",     "o_proj",
    "mlp.gate_proj",        "mlp.up_proj", "mlp.down_proj", "post_attention_layernorm",
    "post_mlp_layernorm"};
constexpr LayerNames kOlder{"emb_ln",   "encoder.layers.{}", "attn",  "out_proj", "mlp.fc12",
                            "mlp.fc11", "mlp.fc2",           "norm1", "norm2"};

Value projections(ModelGraph& model, const Weights& attention, Value x, Bias bias) {
  const std::int64_t hidden = model.hidden_size;
  if (attention.has("Wqkv.weight")) {
    return dense(model.graph, attention.sub("Wqkv"), x, 3 * hidden, Activation::kNone, {}, bias);
  }
  return query_key_value(model.graph, attention, x, hidden, {"q_proj", "k_proj", "v_proj"}, bias);
}

Value feed_forward(ModelGraph& model, const Weights& layer, const LayerNames& names, Value x,
                   const Settings& settings) {
  const std::int64_t inner = model.intermediate_size;
  const auto projection = [&](const char* name) {
    const Weights weights = layer.sub(name);
    return Projection{weights.get("weight", {inner, model.hidden_size}),
                      settings.up_bias == Bias::kYes ? weights.get("bias", {inner}) : Weight()};
  };
  const Value both = model.graph.linear(x, {projection(names.gate), projection(names.up)});
  return dense(model.graph, layer.sub(names.down),
               gated_halves(model.graph, both, Half::kFirst, settings.activation),
               model.hidden_size, Activation::kNone, x, settings.down_bias);
}

}  // namespace

ModelGraph build_nomic_bert(const Config& config, const Weights& checkpoint) {
  refuse_unsupported(config, CustomCode::kKnown);
  const bool older = !config.has("hidden_size") && (config.has("n_embd") || config.has("n_inner"));
  ModelGraph model = new_token_model(config, older ? SizeKeys{.hidden_size = "n_embd",
                                                              .layers = "n_layer",
                                                              .heads = "n_head",
                                                              .intermediate_size = "n_inner"}
                                                   : SizeKeys{});
  model.bare_architectures = {"NomicBertModel"};
  model.positions = PositionRule::kInSequence;
  model.type_vocabulary_size = config.integer_or("type_vocab_size", 2, 0, kLargestSize);
  refuse_own_options(config, model.heads);
  const Settings settings = older ? read_older(config, model) : read_today(config, model);

  const Weights weights =
      without_prefix(checkpoint, {"nomic_bert", "bert"}, "embeddings.word_embeddings.weight");
  const LayerNames& names = weights.has("emb_ln.weight") ? kOlder : kToday;
  Graph& graph = model.graph;
  Value x = word_and_type_embeddings(model, weights.sub("embeddings"));
  x = layer_norm(graph, weights.sub(names.embedding_norm), x, settings.eps);
  model.hidden_states.push_back(x);

  const Rotary rotary{
      graph.input_ids("position_ids", model.tokens),
      graph.constant(rotary_table(model.max_tokens, settings.turned_columns, settings.angles)),
      settings.pairs};
  for (std::int64_t i = 0; i < model.layers; ++i) {
    const Weights layer = weights.sub(fmt::format(fmt::runtime(names.layer), i));
    const Weights own = layer.sub(names.attention);
    const AttentionValues attention = rotary_attention(
        graph, projections(model, own, x, settings.attention_bias), rotary, {.heads = model.heads});
    const Value mixed = dense(graph, own.sub(names.output), attention.output, model.hidden_size,
                              Activation::kNone, x, settings.attention_bias);
    const Value y = layer_norm(graph, layer.sub(names.attention_norm), mixed, settings.eps);
    x = layer_norm(graph, layer.sub(names.output_norm),
                   feed_forward(model, layer, names, y, settings), settings.eps);
    model.hidden_states.push_back(x);
    model.attentions.push_back(attention.weights);
  }
  model.last_hidden_state = x;
  bert_pooler(model, weights.sub("pooler.dense"));
  return model;
}

}  // namespace weft
