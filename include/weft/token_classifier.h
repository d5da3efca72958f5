// Texts in, labelled spans out.
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

/// How tokens become spans, as in transformers' token-classification pipeline.
enum class Aggregation : std::uint8_t {
  kNone,     ///< every token is a span
  kSimple,   ///< neighbours with one label are one span; B-X begins a new one
  kFirst,    ///< before that, each word has the label of its first token
  kAverage,  ///< of the mean of its tokens' scores
  kMax,      ///< of its token with the highest score
};
/// "none", "simple", "first", "average" or "max". Never null.
WEFT_API const char* to_string(Aggregation aggregation) noexcept;

struct Entity {
  std::string label;       ///< without "B-" and "I-" unless kNone
  float score = 0;         ///< mean over the span's tokens (or words)
  std::int32_t begin = 0;  ///< half-open range in the text, in characters (code points)
  std::int32_t end = 0;
  std::int32_t byte_begin = 0;  ///< the same in UTF-8 bytes
  std::int32_t byte_end = 0;
  std::int32_t token_index = 0;  ///< of its first token in the sequence, specials counted
};

struct TaggedText {
  std::vector<Entity> entities;       ///< in the order of the text; those labelled "O" left out
  std::int64_t truncated_tokens = 0;  ///< that the model's maximum cut off
};

/// A directory whose config.json names a head for token classification. Special tokens are never
/// tagged. What a word is, is known exactly where the vocabulary marks continuations ("##"); else a
/// token that follows no space continues the word before it, as the pipeline has it.
/// Thread-safe; cheap to copy.
class WEFT_API TokenClassifier {
 public:
  static TokenClassifier load(const std::filesystem::path& directory,
                              const LoadOptions& options = {});

  /// One result per text, in order, whose bits do not depend on the other texts. Throws Error.
  std::vector<TaggedText> tag(std::span<const std::string> texts,
                              Aggregation aggregation = Aggregation::kSimple,
                              const TextOptions& options = {}) const;
  TaggedText tag(std::string_view text, Aggregation aggregation = Aggregation::kSimple,
                 const TextOptions& options = {}) const;

  const std::vector<std::string>& labels() const;  ///< by column of the logits
  std::int64_t max_tokens() const;                 ///< texts are cut here, specials included
  const Tokenizer& tokenizer() const;
  const TransformerModel& model() const;
  ModelInfo info() const;

 private:
  struct Impl;
  explicit TokenClassifier(std::shared_ptr<const Impl> impl);
  std::shared_ptr<const Impl> impl_;
};

}  // namespace weft
