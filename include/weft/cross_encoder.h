// Pairs of texts in, one score or several per pair out.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "weft/text_options.h"
#include "weft/transformer_model.h"

namespace weft {

using TextPair = std::pair<std::string, std::string>;

/// pairs x labels row-major floats.
struct PairScores {
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::vector<float> data;
  std::int64_t truncated = 0;  ///< pairs that were cut

  std::span<const float> row(std::int64_t i) const {
    return {data.data() + i * cols, static_cast<std::size_t>(cols)};
  }
};

struct RankedText {
  std::int64_t index = 0;  ///< into the documents
  float score = 0;
};

struct Ranking {
  std::vector<RankedText> documents;  ///< highest score first, equal ones by index
  std::int64_t truncated = 0;         ///< pairs that were cut
};

/// A directory whose config.json names a head for sequence classification, used on pairs as
/// sentence-transformers' CrossEncoder does. The activation of the scores is the one that
/// config_sentence_transformers.json or config.json names, else sigmoid for one label and none for
/// several. Thread-safe; cheap to copy.
class WEFT_API CrossEncoder {
 public:
  static CrossEncoder load(const std::filesystem::path& directory, const LoadOptions& options = {});

  /// One row per pair, in order, whose bits do not depend on the other pairs. A pair that is too
  /// long gives up tokens of its longer text first. Throws Error.
  PairScores score(std::span<const TextPair> pairs, const TextOptions& options = {}) const;
  /// The documents by falling score of (query, document). `top_k`: how many to keep; 0: all.
  /// Throws Error(kFailedPrecondition) if the model has several labels.
  Ranking rank(std::string_view query, std::span<const std::string> documents,
               std::int64_t top_k = 0, const TextOptions& options = {}) const;

  const std::vector<std::string>& labels() const;  ///< by column of the scores
  std::int64_t max_tokens() const;                 ///< pairs are cut here, specials included
  const Tokenizer& tokenizer() const;
  const TransformerModel& model() const;
  ModelInfo info() const;

 private:
  struct Impl;
  explicit CrossEncoder(std::shared_ptr<const Impl> impl);
  std::shared_ptr<const Impl> impl_;
};

}  // namespace weft
