#include "runtime/models/encoder_config.h"

#include <fmt/format.h>

namespace weft {

ModelGraph new_model(const Config& config, const SizeKeys& keys) {
  ModelGraph model;
  model.hidden_size = config.integer(keys.hidden_size, 1, kLargestSize);
  model.layers = keys.layers.empty() ? 1 : config.integer(keys.layers, 1, kMostLayers);
  model.heads = config.integer(keys.heads, 1, kLargestSize);
  if (!keys.head_size.empty()) {
    model.head_size = config.integer(keys.head_size, 1, kLargestSize);
  } else if (model.hidden_size % model.heads == 0) {
    model.head_size = model.hidden_size / model.heads;
  } else {
    config.invalid(keys.hidden_size, fmt::format("expected a multiple of {} ({}), found {}",
                                                 keys.heads, model.heads, model.hidden_size));
  }
  if (!keys.intermediate_size.empty()) {
    model.intermediate_size = config.integer(keys.intermediate_size, 1, kLargestSize);
  }
  model.tokens = model.graph.ragged_rows("tokens");
  return model;
}

ModelGraph new_token_model(const Config& config, const SizeKeys& keys) {
  ModelGraph model = new_model(config, keys);
  model.vocabulary_size = config.integer("vocab_size", 1, INT32_MAX);
  return model;
}

void refuse_unsupported(const Config& config, CustomCode code) {
  config.require("is_decoder", false);
  config.require("add_cross_attention", false);
  if (config.has("quantization_config")) {
    config.unsupported("quantization_config", "is not supported");
  }
  if (code == CustomCode::kRefused && config.has("auto_map")) {
    config.unsupported("auto_map", "is not supported");
  }
  if (const Json* pruned = config.find("pruned_heads")) {
    if (!pruned->is_object() || !pruned->members().empty()) {
      config.unsupported("pruned_heads", "is not supported");
    }
  }
}

void count_positions_from_ids(const Config& config, ModelGraph& model, std::int64_t positions,
                              std::int32_t pad_token_id) {
  model.positions = PositionRule::kFromIds;
  model.pad_token_id = pad_token_id;
  model.max_tokens = positions - (pad_token_id + 1);
  if (model.max_tokens < 1) {
    config.invalid(
        "max_position_embeddings",
        fmt::format("expected more than pad_token_id ({}) + 1, found {}", pad_token_id, positions));
  }
}

std::int64_t read_positions_from_ids(const Config& config, ModelGraph& model,
                                     std::int64_t default_pad_token_id) {
  const std::int64_t positions = config.integer("max_position_embeddings", 1, kLargestSize);
  count_positions_from_ids(config, model, positions,
                           static_cast<std::int32_t>(config.integer_or(
                               "pad_token_id", default_pad_token_id, 0, kLargestSize)));
  return positions;
}

float read_epsilon(const Config& config, std::string_view key, double fallback) {
  return static_cast<float>(config.positive_or(key, fallback));
}

}  // namespace weft
