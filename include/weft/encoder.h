// Text in, vectors out.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weft/text_options.h"
#include "weft/tokenizer.h"
#include "weft/transformer_model.h"

namespace weft {

enum class Normalization : std::uint8_t { kModel, kOn, kOff };  ///< kModel: as its modules say

struct EncodeOptions {
  /// Put before each text. None: the directory's default prompt, if it has one. Empty: no prompt.
  std::optional<std::string> prompt;
  std::optional<std::string> prompt_name;  ///< a name in config_sentence_transformers.json
  Normalization normalize = Normalization::kModel;
  std::int64_t truncate_dim = 0;  ///< keep the first n columns; 0: all
  LongText long_text = LongText::kTruncate;
  SpecialsInText specials_in_text = SpecialsInText::kParse;
  StopCondition stop;
  Profile* profile = nullptr;
};

/// n x dim row-major floats, owned.
struct Embeddings {
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::vector<float> data;
  std::int64_t truncated = 0;  ///< texts that were cut

  std::span<const float> row(std::int64_t i) const {
    return {data.data() + i * cols, static_cast<std::size_t>(cols)};
  }
};

/// A sentence-transformers (or plain Hugging Face) directory. Thread-safe; share one between all
/// callers. Cheap to copy.
class WEFT_API Encoder {
 public:
  static Encoder load(const std::filesystem::path& directory, const LoadOptions& options = {});

  /// One row per text, in order. A row's bits do not depend on the other texts.
  /// Throws Error; nothing is half done.
  Embeddings encode(std::span<const std::string> texts, const EncodeOptions& options = {}) const;
  std::vector<float> encode(std::string_view text, const EncodeOptions& options = {}) const;
  /// Into the caller's memory: texts.size() x dimension(options) floats; any alignment of 4.
  /// Returns the number of truncated texts. On error `out` may be partly written.
  std::int64_t encode(std::span<const std::string_view> texts, std::span<float> out,
                      const EncodeOptions& options = {}) const;

  std::int64_t dimension(const EncodeOptions& options = {}) const;
  std::int64_t max_tokens() const;  ///< texts are cut here, specials included
  std::vector<std::string> prompt_names() const;
  /// How two embeddings are compared: config_sentence_transformers.json's similarity_fn_name, e.g.
  /// "dot"; "cosine" if it does not say.
  std::string similarity() const;
  const Tokenizer& tokenizer() const;
  const TransformerModel& model() const;
  ModelInfo info() const;

 private:
  struct Impl;
  explicit Encoder(std::shared_ptr<const Impl> impl);
  std::shared_ptr<const Impl> impl_;
};

}  // namespace weft
