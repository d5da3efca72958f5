// A directory's model with its tokenizer: what Encoder and the task classes stand on.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/sentence_modules.h"
#include "weft/text_options.h"
#include "weft/transformer_model.h"

namespace weft {

/// The sequences of some texts in a row, ragged.
struct TokenWindow {
  std::vector<std::int32_t> ids;
  std::vector<std::int32_t> type_ids;  // empty: all 0
  std::vector<std::int64_t> offsets{0};
  std::size_t first = 0;  // number of the first text

  std::size_t size() const { return offsets.size() - 1; }
};

/// `options` with another choice of the head.
inline LoadOptions with_head(LoadOptions options, LoadHead head) {
  options.head = head;
  return options;
}

struct TextModel {
  std::shared_ptr<const TransformerModel> model;
  Tokenizer tokenizer;
  SentenceModules sentence;
  ModelInfo info;               // the model's, and warnings about texts
  std::int64_t max_tokens = 0;  // texts are cut here, specials included

  /// Throws Error as TransformerModel::load and Tokenizer::load do, and if the tokenizer does not
  /// fit the model.
  TextModel(const std::filesystem::path& directory, const LoadOptions& options);

  /// Where config.json and tokenizer.json lie, for messages.
  std::string source() const { return sentence.transformer_directory.string(); }
  TokenizeOptions tokenize_options(const TextOptions& options) const;

  using EncodeText = std::function<void(std::size_t text, Encoding& encoding)>;
  using RunWindow = std::function<void(const TokenWindow& window)>;
  /// Encodes `texts` texts in order and hands them on in windows of a bounded number of tokens.
  /// Returns how many were cut; with LongText::kError throws Error(kOutOfRange) naming the text.
  /// Errors of `encode` are thrown with the text's number before them.
  std::int64_t for_each_window(std::size_t texts, LongText long_text, const EncodeText& encode,
                               const RunWindow& run) const;

  /// Throws Error(kFailedPrecondition) naming config.json unless the model's head is of this kind.
  void require_head(HeadKind kind) const;
  /// TransformerModel::logits for a window.
  void logits(const TokenWindow& window, std::span<const std::int64_t> tokens,
              const TextOptions& options, const RowVisitor& visit) const {
    model->logits(window.ids, window.offsets, visit,
                  {window.type_ids, tokens, options.stop, options.profile});
  }

 private:
  void check_tokenizer() const;
  void choose_max_tokens();
};

/// Throws Error(kInvalidArgument) naming the argument if it is negative.
void require_count(std::string_view name, std::int64_t count);

}  // namespace weft
