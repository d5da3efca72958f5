// The two ways through a decoder, behind one interface, so that an architecture writes its layers
// once: all positions of given targets (causal attention), or one position of every hypothesis
// (attention over the rows of a cache that each lists).
#pragma once

#include <cstdint>
#include <vector>

#include "weft/graph.h"

namespace weft {

// Inputs of the pass over targets, and of a step.
inline constexpr const char* kTargetIds = "decoder_input_ids";
inline constexpr const char* kTargetPositions = "decoder_position_ids";
inline constexpr const char* kTargetFeatures = "decoder_features";
inline constexpr const char* kStepIds = "step_ids";
inline constexpr const char* kStepPositions = "step_positions";
inline constexpr const char* kPastRows = "past_rows";  // what each hypothesis lists of the cache
inline constexpr const char* kWrittenRows = "written_rows";  // what each writes
inline constexpr const char* kSourceRows = "source_rows";    // what each lists of the sources

class DecoderPass {
 public:
  DecoderPass() = default;
  /// Over targets that stand sequence by sequence beside `source_keys_values`.
  static DecoderPass of_targets(Graph& graph, Value source_keys_values);
  /// Of one step; source_keys_values becomes an input over the rows of `sources`.
  static DecoderPass of_step(Graph& graph, RowSpace sources, std::int64_t source_columns);

  RowSpace rows() const { return rows_; }
  Value ids(Graph& graph);        // an input, one per row
  Value positions(Graph& graph);  // an input, one per row: 0, 1, 2 ... in each target
  Value features(Graph& graph, std::int64_t cols);  // an input, in place of ids

  /// Of a layer's projections side by side, as query_key_value() gives them; call it once per
  /// layer, in order. options.keys is set here.
  Value self_attention(Graph& graph, Value query_key_value, AttentionOptions options);
  /// Of a layer's queries with its part of source_keys_values; call it once per layer, in order.
  Value cross_attention(Graph& graph, Value q, const AttentionOptions& options);

  // What went through the layers, for outputs: of targets alone.
  std::vector<Value> hidden_states;  // what enters layer 0, then each layer's result
  std::vector<Value> self_attentions, cross_attentions;
  Value last_hidden_state;

  RowSpace past, sources, source_lists, cache;  // of a step

 private:
  bool is_step() const { return cache.id >= 0; }
  const char* name(const char* of_targets, const char* of_step) const {
    return is_step() ? of_step : of_targets;
  }

  RowSpace rows_;
  Value source_keys_values_;
  Value past_rows_, written_rows_, source_rows_;
};

}  // namespace weft
