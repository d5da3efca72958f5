// What an architecture's file builds: the graph of an encoder and what its callers must know of it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/config.h"
#include "weft/graph.h"
#include "weft/weights.h"

namespace weft {

/// How a token's position id comes about.
enum class PositionRule : std::uint8_t {
  kColumn,   // its index in its row of a padded batch, 0 being the first column (BERT)
  kFromIds,  // pad_token_id + count of other ids up to it; a pad id itself: pad_token_id (RoBERTa)
};

/// An encoder as a graph. Inputs: `input_ids` and, as the flags say, `token_type_ids` and
/// `position_ids`, all I32 over `tokens`. The architecture names no outputs: model loading does.
struct ModelGraph {
  Graph graph;
  RowSpace tokens;
  Value last_hidden_state;           // (tokens, hidden)
  Value pooler_output;               // (sequences, hidden), absent if the file has no pooler
  std::vector<Value> hidden_states;  // what enters layer 0, then each layer's result
  std::vector<Value> attentions;     // per layer, per key

  std::int64_t hidden_size = 0, layers = 0, heads = 0, intermediate_size = 0;
  std::int64_t vocabulary_size = 0;
  std::int64_t type_vocabulary_size = 0;  // 0: the model has no token types
  std::int64_t max_tokens = 0;            // longest sequence
  PositionRule positions = PositionRule::kColumn;
  std::int32_t pad_token_id = 0;                // for PositionRule::kFromIds
  std::vector<std::string> missing;             // optional tensors that the file lacks
  std::vector<std::string> bare_architectures;  // config.json "architectures" without a head
};

/// An architecture: its config.json model_type and the function that builds it.
struct Architecture {
  std::string_view model_type;
  /// Throws Error naming the key or tensor; anything in the config that changes the mathematics and
  /// is not built is Error(kUnsupported).
  ModelGraph (*build)(const Config& config, const Weights& weights);
};

/// By config.json's model_type. Throws Error(kUnsupported) listing those that there are.
const Architecture& find_architecture(const Config& config);
std::vector<std::string> supported_architectures();

ModelGraph build_albert(const Config& config, const Weights& weights);
ModelGraph build_bert(const Config& config, const Weights& weights);
ModelGraph build_distilbert(const Config& config, const Weights& weights);
ModelGraph build_electra(const Config& config, const Weights& weights);
ModelGraph build_roberta(const Config& config, const Weights& weights);

}  // namespace weft
