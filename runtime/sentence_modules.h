// What makes a directory a sentence-transformers model: modules.json and its neighbours, both
// generations of the files. What the package would compute differently is refused, never skipped.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "weft/types.h"
#include "weft/weights.h"

namespace weft {

enum class IncludePrompt : std::uint8_t { kYes, kNo };

struct PoolingModule {
  std::vector<Pooling> modes;  // concatenated in this order
  IncludePrompt include_prompt = IncludePrompt::kYes;
};

/// activation(x W^T + b), of pylate also + x, or + x R^T where the widths differ.
struct DenseModule {
  Weight weight;  // (out_features, in_features)
  Weight bias;    // (out_features), may be empty
  Activation activation = Activation::kNone;
  bool adds_input = false;
  Weight residual;  // R, (out_features, in_features), empty if the input is added as it is
};

/// One step after the transformer, in order: one Pooling, then Dense and Normalize in any order.
/// Exactly one of the three.
struct SentenceModule {
  enum class Kind : std::uint8_t { kPooling, kDense, kNormalize };
  Kind kind{};
  PoolingModule pooling;
  DenseModule dense;
};

/// SPLADE: token logits become one sparse row.
struct SpladePooling {
  enum class Strategy : std::uint8_t { kMax, kSum };
  enum class Saturation : std::uint8_t { kLog, kLogTwice };  // log(1 + x), log(1 + log(1 + x))
  Strategy strategy = Strategy::kMax;
  Saturation saturation = Saturation::kLog;
};

/// What the transformer is loaded for: sentence_bert_config.json's transformer_task; kTokenVectors
/// by the modules after it.
enum class TransformerTask : std::uint8_t { kEmbed, kClassify, kFillMask, kTokenVectors };

struct SentenceModules {
  std::filesystem::path transformer_directory;  // where config.json and the weights lie
  std::vector<SentenceModule> modules;          // empty: neither modules.json nor 1_Pooling,
                                                // or a task that is not kEmbed
  /// Dense and Normalize over tokens, of a model of token vectors (ColBERT); `modules` is then
  /// empty.
  std::vector<SentenceModule> token_modules;
  TransformerTask task = TransformerTask::kEmbed;
  std::optional<SpladePooling> splade;         // of kFillMask
  std::optional<std::int64_t> max_seq_length;  // sentence_bert_config.json (or a legacy name)
  std::optional<bool> do_lower_case;           // likewise
  std::map<std::string, std::string> prompts;
  std::optional<std::string> default_prompt_name;  // one of prompts
  std::optional<std::string> similarity_fn_name;
  std::vector<std::string> warnings;
};

/// Reads DIR/modules.json and what it names, config_sentence_transformers.json, and
/// sentence_bert_config.json beside the transformer. A directory without modules.json gives no
/// modules (with DIR/1_Pooling alone: that pooling; of colbert-ai: its projection); Dense weights
/// are opened, not read. Checks pooling dimensions against `hidden_size` and the chain of Dense
/// sizes. `checkpoint`: the transformer's weights if they are open already, where colbert-ai's
/// projection is marked as used.
/// Throws Error: kUnsupported naming an unknown module or option, kInvalidArgument, kCorruptFile,
/// kNotFound.
SentenceModules read_sentence_modules(const std::filesystem::path& directory,
                                      std::int64_t hidden_size,
                                      const Weights* checkpoint = nullptr);

/// Whether read_sentence_modules() would give TransformerTask::kTokenVectors.
bool gives_token_vectors(const std::filesystem::path& directory);

/// The part that is read before config.json: where the transformer lies. DIR itself if there is no
/// modules.json.
std::filesystem::path find_transformer_directory(const std::filesystem::path& directory);

}  // namespace weft
