// What an architecture's file builds: the graph of an encoder and what its callers must know of it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/config.h"
#include "weft/graph.h"
#include "weft/supported.h"
#include "weft/weights.h"

namespace weft {

/// How a token's position id comes about.
enum class PositionRule : std::uint8_t {
  kColumn,      // its index in its row of a padded batch, 0 being the first column (BERT)
  kInSequence,  // its index in its sequence, whatever the padding (rotary tables)
  kFromIds,  // pad_token_id + count of other ids up to it; a pad id itself: pad_token_id (RoBERTa)
};

/// What a model's rows are made from.
enum class InputKind : std::uint8_t {
  kIds,      // input_ids; token_type_ids and position_ids where the graph has them
  kVectors,  // kFeatureInput, (tokens, hidden): modules without an embedding
  kImages,   // kFeatureInput, (tokens, values of a patch); 0 in the leading tokens' rows.
             // position_ids count within the image; token_type_ids: 0 a patch, 1, 2 leading tokens
};
inline constexpr const char* kFeatureInput = "features";
/// Of images of any size, (tokens, hidden): ModelGraph::image_positions as the image's size has
/// them.
inline constexpr const char* kPositionRowsInput = "position_rows";
/// Of images, one per sequence, for heads: ImageGrid::leading_tokens.
inline constexpr const char* kLeadingRowsInput = "leading_rows";

/// How images are cut into patches, row by row, behind leading tokens (class, distillation).
struct ImageGrid {
  std::int64_t channels = 0, height = 0, width = 0, patch_height = 1, patch_width = 1;
  std::int64_t leading_tokens = 0;

  std::int64_t patches() const { return (height / patch_height) * (width / patch_width); }
  std::int64_t tokens() const { return patches() + leading_tokens; }
  std::int64_t patch_size() const { return channels * patch_height * patch_width; }
  std::int64_t values() const { return channels * height * width; }
};

/// An encoder as a graph, with the inputs of its kind, all over `tokens`. The architecture names no
/// outputs: model loading does.
struct ModelGraph {
  Graph graph;
  RowSpace tokens;
  InputKind input = InputKind::kIds;
  ImageGrid image;  // for InputKind::kImages
  /// (image.tokens(), hidden), the patches a square, where images may have any size: the graph
  /// takes kPositionRowsInput then. Absent: they have that of `image`.
  Weight image_positions;
  Value last_hidden_state;           // (tokens, hidden)
  Value pooler_output;               // (sequences, pooler size), absent if the file has no pooler
  std::vector<Value> hidden_states;  // what enters layer 0, then each layer's result
  std::vector<Value> attentions;     // per layer, per key

  std::int64_t hidden_size = 0, layers = 0, heads = 0, head_size = 0, intermediate_size = 0;
  std::int64_t vocabulary_size = 0;
  std::int64_t type_vocabulary_size = 0;  // 0: the model has no token types
  std::int64_t max_tokens = 0;            // longest sequence
  PositionRule positions = PositionRule::kColumn;
  std::int32_t pad_token_id = 0;  // for PositionRule::kFromIds
  /// A masked token is not only unseen by others: its own row is erased as well (DeBERTa).
  bool mask_erases_tokens = false;
  std::vector<std::string> missing;             // optional tensors that the file lacks
  std::vector<std::string> bare_architectures;  // config.json "architectures" without a head
};

/// An architecture: its config.json model_type and the function that builds it.
struct Architecture {
  std::string_view model_type;
  /// Throws Error naming the key or tensor; anything in the config that changes the mathematics and
  /// is not built is Error(kUnsupported).
  ModelGraph (*build)(const Config& config, const Weights& weights);
  /// Whether a config of this model_type is meant, where several architectures share the name: the
  /// first in the registry that says so. Null: every one is.
  bool (*claims)(const Config& config) = nullptr;
};

/// By config.json's model_type. Throws Error(kUnsupported) listing those that there are.
const Architecture& find_architecture(const Config& config);

ModelGraph build_albert(const Config& config, const Weights& weights);
ModelGraph build_bert(const Config& config, const Weights& weights);
ModelGraph build_deberta_v2(const Config& config, const Weights& weights);
ModelGraph build_deit(const Config& config, const Weights& weights);
ModelGraph build_dinov2(const Config& config, const Weights& weights);
ModelGraph build_distilbert(const Config& config, const Weights& weights);
ModelGraph build_electra(const Config& config, const Weights& weights);
ModelGraph build_ernie(const Config& config, const Weights& weights);
ModelGraph build_eurobert(const Config& config, const Weights& weights);
ModelGraph build_gte(const Config& config, const Weights& weights);
bool is_jina_bert(const Config& config);
ModelGraph build_jina_bert(const Config& config, const Weights& weights);
ModelGraph build_megatron_bert(const Config& config, const Weights& weights);
ModelGraph build_modernbert(const Config& config, const Weights& weights);
ModelGraph build_mpnet(const Config& config, const Weights& weights);
ModelGraph build_mt5(const Config& config, const Weights& weights);
ModelGraph build_new(const Config& config, const Weights& weights);
ModelGraph build_nomic_bert(const Config& config, const Weights& weights);
ModelGraph build_roberta(const Config& config, const Weights& weights);
ModelGraph build_self_attention(const Config& config, const Weights& weights);
ModelGraph build_t5(const Config& config, const Weights& weights);
ModelGraph build_torch_attention(const Config& config, const Weights& weights);
ModelGraph build_torch_encoder(const Config& config, const Weights& weights);
ModelGraph build_torch_encoder_layer(const Config& config, const Weights& weights);
ModelGraph build_vit(const Config& config, const Weights& weights);

}  // namespace weft
