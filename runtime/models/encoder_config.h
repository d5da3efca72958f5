// What nearly every encoder's config.json says, read once for all architectures.
#pragma once

#include <cstdint>
#include <string_view>

#include "runtime/config.h"
#include "runtime/models/model_graph.h"

namespace weft {

/// The largest hidden size, vocabulary and the like that is believed.
inline constexpr std::int64_t kLargestSize = 1 << 24;
/// The same for layers: shared weights would let a small file ask for any number of them.
inline constexpr std::int64_t kMostLayers = 1024;

/// The largest max_position_embeddings where something is computed for every position or distance:
/// keeps that small beside any checkpoint.
inline constexpr std::int64_t kMostPositions = 1 << 16;
/// The longest sequence of models that know no positions but relative ones, or none: they would
/// take any, memory is planned for this.
inline constexpr std::int64_t kLongestWithoutPositions = 8192;

/// The names of the sizes in config.json.
struct SizeKeys {
  std::string_view hidden_size = "hidden_size";
  std::string_view layers = "num_hidden_layers";  // empty: one layer
  std::string_view heads = "num_attention_heads";
  std::string_view intermediate_size = "intermediate_size";  // empty: no feed-forward
  std::string_view head_size = {};                           // empty: heads divide hidden_size
};

/// A model without operators that has these sizes, and a row space for its tokens. Throws
/// Error(kInvalidArgument) naming the key.
ModelGraph new_model(const Config& config, const SizeKeys& keys = {});

/// new_model() and the vocabulary, whose ids are the input.
ModelGraph new_token_model(const Config& config, const SizeKeys& keys = {});

/// Whether a config may name code of its own: only where weft builds what that code computes.
enum class CustomCode : std::uint8_t { kRefused, kKnown };

/// Throws Error(kUnsupported) for what changes the mathematics of any encoder: decoders, pruned
/// heads, quantised weights, custom code.
void refuse_unsupported(const Config& config, CustomCode code = CustomCode::kRefused);

/// Positions counted from the ids, as RoBERTa does: sets the model's rule and maximum. Returns the
/// rows of the position table, of which the first pad_token_id + 1 are no token's.
std::int64_t read_positions_from_ids(const Config& config, ModelGraph& model,
                                     std::int64_t default_pad_token_id);

/// The same for a table of `positions` rows and an id that no config names.
void count_positions_from_ids(const Config& config, ModelGraph& model, std::int64_t positions,
                              std::int32_t pad_token_id);

/// layer_norm_eps and the like.
float read_epsilon(const Config& config, std::string_view key, double fallback);

}  // namespace weft
