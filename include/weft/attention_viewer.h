// Text in, attention weights out: how much each token looks at each other one, in every layer and
// head. `weft attend` draws them.
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
#include "weft/transformer_model.h"

namespace weft {

/// Which attention of a model. An encoder alone has its own only.
enum class AttentionPart : std::uint8_t {
  kEncoder,  ///< the text's tokens look at each other
  kDecoder,  ///< the target's tokens look at themselves and those before them
  kCross,    ///< the target's tokens look at the text's
};

struct AttentionMaps {
  std::int64_t first_layer = 0;  ///< number of the first layer that is here
  std::int64_t layers = 0;       ///< how many are here
  std::int64_t heads = 0;
  std::vector<std::string> queries;  ///< the tokens that look, as the tokenizer writes them
  std::vector<std::string> keys;     ///< the tokens that are looked at
  std::vector<float> weights;        ///< (layers, heads, queries, keys); rows sum to 1

  /// (queries, keys) of head `head` of the `layer`-th layer here.
  std::span<const float> map(std::int64_t layer, std::int64_t head) const {
    const std::size_t size = queries.size() * keys.size();
    return {weights.data() + static_cast<std::size_t>(layer * heads + head) * size, size};
  }
};

/// Any directory of a model that takes token ids, whatever its head. Thread-safe; cheap to copy.
class WEFT_API AttentionViewer {
 public:
  static AttentionViewer load(const std::filesystem::path& directory,
                              const LoadOptions& options = {});

  /// The tokens of a text or of a pair of texts, with special tokens, without any prompt, cut at
  /// max_tokens(). Throws Error, also for a text without any token.
  Encoding encode(std::string_view text, const std::optional<std::string>& second = {},
                  const TextOptions& options = {}) const;
  /// What the decoder reads while it writes a text: its start token, then the text's tokens
  /// without the last one. No text: the start token alone. Throws
  /// Error(kFailedPrecondition) without a decoder.
  Encoding encode_target(const std::optional<std::string>& text,
                         const TextOptions& options = {}) const;

  /// The same of what the model itself writes for a text, as Generator gives it. Throws Error as
  /// Generator::generate.
  Encoding generate_target(const Encoding& tokens, const StopCondition& stop = {}) const;

  /// Weights between the tokens of one sequence, by the encoder. Throws Error as
  /// TransformerModel::attentions.
  AttentionMaps attend(const Encoding& tokens, const AttendOptions& options = {}) const;
  /// Of an encoder-decoder. Throws Error(kFailedPrecondition) without a decoder.
  AttentionMaps attend(const Encoding& tokens, const Encoding& target, AttentionPart part,
                       const AttendOptions& options = {}) const;

  bool has_decoder() const;
  std::int64_t layers(AttentionPart part = AttentionPart::kEncoder) const;
  std::int64_t heads(AttentionPart part = AttentionPart::kEncoder) const;
  std::int64_t max_tokens() const;  ///< texts are cut here, specials included
  const Tokenizer& tokenizer() const;
  std::string architecture() const;   ///< config.json's model_type
  std::string compute_dtype() const;  ///< e.g. "f32"

 private:
  struct Impl;
  explicit AttentionViewer(std::shared_ptr<const Impl> impl);
  std::shared_ptr<const Impl> impl_;
};

}  // namespace weft
