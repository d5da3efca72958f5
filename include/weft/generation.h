// Writing texts with encoder-decoders: greedy and beam search, token by token what transformers'
// generate() gives.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weft/encoder_decoder.h"
#include "weft/text_options.h"
#include "weft/tokenizer.h"

namespace weft {

/// What wins over generation_config.json and config.json; everything else about the search is read
/// there. Whatever they ask for beyond what is built (sampling, ...) is an error that names the
/// key.
struct GenerationOptions {
  /// Tokens of a result, the start token included: 2 or more.
  std::optional<std::int64_t> max_length = {};
  std::optional<std::int64_t> beams = {};  ///< 1: greedy
};

/// Ids in, ids out; no tokenizer. What is written for a source depends on that source only.
/// Thread-safe. Cheap to copy.
class WEFT_API Generator {
 public:
  /// EncoderDecoder::load, and how the directory's files want texts to be written.
  /// LoadOptions.limits.sequences bounds the hypotheses that are looked at together.
  static Generator load(const std::filesystem::path& directory, const LoadOptions& options = {});

  /// An encoder's inputs as `weft run` takes them; gives `sequences` I64 [B, max_length], which
  /// begin with the start token and are padded with pad_token_id. Throws Error naming the tensor,
  /// or file and key.
  NamedArrays generate(const NamedArrays& inputs, const GenerationOptions& options = {},
                       const StopCondition& stop = {}) const;
  /// Sequence i is ids [offsets[i], offsets[i + 1]); gives each result from the start token to the
  /// end token, without padding.
  std::vector<std::vector<std::int32_t>> generate(std::span<const std::int32_t> ids,
                                                  std::span<const std::int64_t> offsets,
                                                  const GenerationOptions& options = {},
                                                  const StopCondition& stop = {}) const;

  const EncoderDecoder& model() const noexcept;

 private:
  struct Impl;
  explicit Generator(std::shared_ptr<const Impl> impl);
  std::shared_ptr<const Impl> impl_;
};

struct GeneratedText {
  std::string text;  ///< without special tokens
  /// From the start token to the end token, if the text has come to one.
  std::vector<std::int32_t> tokens;
  std::int64_t truncated_tokens = 0;  ///< of the source
};

/// Texts in, texts out. Thread-safe. Cheap to copy.
class WEFT_API TextGenerator {
 public:
  /// Generator::load and Tokenizer::load. Throws what they do, and Error if they do not fit.
  static TextGenerator load(const std::filesystem::path& directory,
                            const LoadOptions& options = {});

  /// TextOptions.profile is not filled. Throws Error naming the text's number.
  std::vector<GeneratedText> generate(std::span<const std::string> texts,
                                      const GenerationOptions& options = {},
                                      const TextOptions& text_options = {}) const;
  GeneratedText generate(std::string_view text, const GenerationOptions& options = {},
                         const TextOptions& text_options = {}) const;

  std::int64_t max_tokens() const noexcept;  ///< sources are cut here, specials included
  const Tokenizer& tokenizer() const noexcept;
  const Generator& generator() const noexcept;

 private:
  struct Impl;
  explicit TextGenerator(std::shared_ptr<const Impl> impl);
  std::shared_ptr<const Impl> impl_;
};

}  // namespace weft
