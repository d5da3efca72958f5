// Texts in, labels out.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weft/text_options.h"
#include "weft/transformer_model.h"

namespace weft {

struct LabelScore {
  std::string label;
  float score = 0;
};

struct Classification {
  std::vector<LabelScore> labels;     ///< highest score first, equal ones by column of the logits
  std::int64_t truncated_tokens = 0;  ///< that the model's maximum cut off
};

/// A directory whose config.json names a head for sequence classification. Scores are what
/// transformers' text-classification pipeline gives: softmax over the labels; with problem_type
/// "multi_label_classification" or a single label the sigmoid of each; with "regression" the
/// logits. Thread-safe; cheap to copy.
class WEFT_API Classifier {
 public:
  static Classifier load(const std::filesystem::path& directory, const LoadOptions& options = {});

  /// One result per text, in order, whose bits do not depend on the other texts. `top_k`: labels to
  /// keep of each; 0: all. Throws Error.
  std::vector<Classification> classify(std::span<const std::string> texts, std::int64_t top_k = 0,
                                       const TextOptions& options = {}) const;
  Classification classify(std::string_view text, std::int64_t top_k = 0,
                          const TextOptions& options = {}) const;

  const std::vector<std::string>& labels() const;  ///< by column of the logits
  std::int64_t max_tokens() const;                 ///< texts are cut here, specials included
  const Tokenizer& tokenizer() const;
  const TransformerModel& model() const;
  ModelInfo info() const;

 private:
  struct Impl;
  explicit Classifier(std::shared_ptr<const Impl> impl);
  std::shared_ptr<const Impl> impl_;
};

}  // namespace weft
