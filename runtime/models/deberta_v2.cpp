// DeBERTa-v2 and v3 (He et al. 2021): disentangled attention over relative positions, with an
// optional convolution beside the first layer, as transformers'
// models/deberta_v2/modeling_deberta_v2.py computes it.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "runtime/blocks.h"
#include "runtime/models/bert_blocks.h"
#include "runtime/models/encoder_config.h"

namespace weft {
namespace {

struct Settings {
  float eps;
  Activation activation;
  bool relative, content_to_position = false, position_to_content = false;
  bool shared_projections, normalised_positions = false;
  std::int64_t buckets, max_distance;
  std::int64_t convolution_width;  // 0: none
  std::int64_t span() const { return buckets > 0 ? buckets : max_distance; }
};

/// "p2c|c2p" as one string or a list, in any case, with spaces.
std::vector<std::string> read_words(const Config& config, std::string_view key) {
  const Json* value = config.find(key);
  std::string text;
  if (value != nullptr && value->is_string()) {
    text = value->as_string();
  } else {
    for (const std::string& word : config.texts_or_empty(key)) text += word + "|";
  }
  std::vector<std::string> words{""};
  for (const char c : text) {
    if (c == '|') {
      words.emplace_back();
    } else if (c != ' ') {
      words.back() += static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    }
  }
  std::erase(words, "");
  return words;
}

Settings read_settings(const Config& config, const ModelGraph& model) {
  Settings settings{};
  settings.eps = read_epsilon(config, "layer_norm_eps", 1e-7);
  settings.activation = read_activation(config, "hidden_act", "gelu");
  settings.relative = config.flag_or("relative_attention", false);
  settings.shared_projections = config.flag_or("share_att_key", false);
  for (const std::string& word : read_words(config, "pos_att_type")) {
    if (word == "c2p") {
      settings.content_to_position = true;
    } else if (word == "p2c") {
      settings.position_to_content = true;
    } else {
      config.unsupported("pos_att_type",
                         fmt::format("\"{}\" is not supported, only c2p and p2c", word));
    }
  }
  for (const std::string& word : read_words(config, "norm_rel_ebd")) {
    if (word != "none" && word != "layer_norm") {
      config.unsupported("norm_rel_ebd",
                         fmt::format("\"{}\" is not supported, only none and layer_norm", word));
    }
    settings.normalised_positions |= word == "layer_norm";
  }
  settings.buckets =
      std::max<std::int64_t>(0, config.integer_or("position_buckets", -1, -1, kMostPositions));
  settings.max_distance = config.integer_or("max_relative_positions", -1, -1, kMostPositions);
  if (settings.max_distance < 1) settings.max_distance = model.max_tokens;
  const bool positions = settings.content_to_position || settings.position_to_content;
  if (settings.relative && positions && settings.buckets > 0 &&
      (settings.buckets < 4 || settings.buckets >= 2 * (settings.max_distance - 1))) {
    config.invalid(
        "position_buckets",
        fmt::format("expected 4 to less than {} (for distances up to {}), found {}",
                    2 * (settings.max_distance - 1), settings.max_distance, settings.buckets));
  }
  settings.convolution_width = config.integer_or("conv_kernel_size", 0, 0, 1023);
  if (settings.convolution_width > 0 && settings.convolution_width % 2 == 0) {
    config.unsupported("conv_kernel_size", fmt::format("{} is not supported, only odd numbers",
                                                       settings.convolution_width));
  }
  config.require("conv_groups", std::int64_t{1});
  config.require("attention_head_size", model.head_size);
  return settings;
}

Value embeddings(ModelGraph& model, const Config& config, const Weights& tables, float eps) {
  Graph& graph = model.graph;
  const std::int64_t size = config.integer_or("embedding_size", model.hidden_size, 1, kLargestSize);
  std::vector<Lookup> lookups{{tables.get("word_embeddings.weight", {model.vocabulary_size, size}),
                               graph.input_ids("input_ids", model.tokens)}};
  if (config.flag_or("position_biased_input", true)) {
    lookups.push_back({tables.get("position_embeddings.weight", {model.max_tokens, size}),
                       graph.input_ids("position_ids", model.tokens)});
  } else {
    model.positions = PositionRule::kInSequence;  // of none: the padding's side does not matter
  }
  if (model.type_vocabulary_size > 0) {
    lookups.push_back(
        {tables.get("token_type_embeddings.weight", {model.type_vocabulary_size, size}),
         graph.input_ids("token_type_ids", model.tokens)});
  }
  Value x = graph.embedding(lookups);
  if (size != model.hidden_size) {
    x = dense(graph, tables.sub("embed_proj"), x, model.hidden_size, Activation::kNone, {},
              Bias::kNo);
  }
  return layer_norm(graph, tables.sub("LayerNorm"), x, eps);
}

/// The relative embeddings that all layers project, (2 span, hidden) and constant; absent without.
Value relative_embeddings(ModelGraph& model, const Weights& encoder, const Settings& settings) {
  const bool used = settings.content_to_position || settings.position_to_content;
  if (!settings.relative || !used) return {};
  Graph& graph = model.graph;
  const Value table = graph.constant(
      encoder.get("rel_embeddings.weight", {2 * settings.span(), model.hidden_size}));
  return settings.normalised_positions
             ? layer_norm(graph, encoder.sub("LayerNorm"), table, settings.eps)
             : table;
}

AttentionValues disentangled_attention(ModelGraph& model, const Weights& self, Value x,
                                       Value relative, const Settings& settings) {
  Graph& graph = model.graph;
  AttentionOptions options;
  options.heads = model.heads;
  const int terms = 1 + settings.content_to_position + settings.position_to_content;
  options.scale = 1 / std::sqrt(static_cast<float>(model.head_size * terms));
  if (relative) {
    const bool shared = settings.shared_projections;
    const auto project = [&](const char* name) {
      return dense(graph, self.sub(name), relative, model.hidden_size);
    };
    options.positions.buckets = settings.buckets;
    options.positions.max_distance = settings.max_distance;
    if (settings.content_to_position) {
      options.positions.position_keys = project(shared ? "key_proj" : "pos_key_proj");
    }
    if (settings.position_to_content) {
      options.positions.position_queries = project(shared ? "query_proj" : "pos_query_proj");
    }
  }
  return self_attention(graph, self, x, options, {"query_proj", "key_proj", "value_proj"});
}

/// LayerNorm(layer's result + act(convolution of its input)), beside the first layer.
Value convolution(ModelGraph& model, const Config& config, const Weights& weights, Value x,
                  Value layer_output, const Settings& settings) {
  Graph& graph = model.graph;
  const std::int64_t hidden = model.hidden_size, width = settings.convolution_width;
  LinearOptions options;
  options.bias = weights.get("conv.bias", {hidden});
  options.activation = read_activation(config, "conv_act", "tanh");
  options.residual = layer_output;
  const Weight kernel =
      weights.get("conv.weight", {hidden, hidden, width}).reshaped({hidden, hidden * width});
  return layer_norm(graph, weights.sub("LayerNorm"),
                    graph.linear(graph.neighbors(x, width), kernel, options), settings.eps);
}

}  // namespace

ModelGraph build_deberta_v2(const Config& config, const Weights& checkpoint) {
  refuse_unsupported(config);
  ModelGraph model = new_token_model(config);
  model.bare_architectures = {"DebertaV2Model"};
  model.mask_erases_tokens = true;
  model.max_tokens = config.integer("max_position_embeddings", 1, kMostPositions);
  model.type_vocabulary_size = config.integer_or("type_vocab_size", 0, 0, kLargestSize);
  const Settings settings = read_settings(config, model);

  const Weights weights =
      without_prefix(checkpoint, {"deberta"}, "embeddings.word_embeddings.weight");
  const Weights encoder = weights.sub("encoder");
  Value x = embeddings(model, config, weights.sub("embeddings"), settings.eps);
  const Value relative = relative_embeddings(model, encoder, settings);
  model.hidden_states.push_back(x);
  for (std::int64_t i = 0; i < model.layers; ++i) {
    const Weights layer = encoder.sub(fmt::format("layer.{}", i));
    const AttentionValues attention =
        disentangled_attention(model, layer.sub("attention.self"), x, relative, settings);
    Value y =
        bert_after_attention(model, layer, attention.output, x, settings.activation, settings.eps);
    if (i == 0 && settings.convolution_width > 0) {
      y = convolution(model, config, encoder.sub("conv"), x, y, settings);
    }
    x = y;
    model.attentions.push_back(attention.weights);
    model.hidden_states.push_back(x);
  }
  model.last_hidden_state = x;
  return model;
}

}  // namespace weft
