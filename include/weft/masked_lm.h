// Texts with masks in, likely tokens and sparse vectors out.
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

struct TokenScore {
  std::int32_t id = 0;
  std::string token;  ///< decoded alone, e.g. "##ing" or " wool"; empty: none has this id
  float score = 0;    ///< probability
};

struct FilledMask {
  std::int32_t begin = 0;  ///< half-open range of the mask in the text, in characters
  std::int32_t end = 0;
  std::vector<TokenScore> tokens;  ///< highest score first, equal ones by id
};

struct FilledText {
  std::vector<FilledMask> masks;      ///< in the order of the text
  std::int64_t truncated_tokens = 0;  ///< that the model's maximum cut off
};

/// Sparse rows: row i has columns indices[offsets[i]] .. indices[offsets[i + 1] - 1], rising, with
/// `values` above 0.
struct SparseEmbeddings {
  std::int64_t rows = 0;
  std::int64_t cols = 0;  ///< the vocabulary
  std::vector<std::int64_t> offsets{0};
  std::vector<std::int32_t> indices;
  std::vector<float> values;
  std::int64_t truncated = 0;  ///< texts that were cut
};

/// A directory whose config.json names a masked-LM head. Thread-safe; cheap to copy.
class WEFT_API MaskedLM {
 public:
  static MaskedLM load(const std::filesystem::path& directory, const LoadOptions& options = {});

  /// For each mask of each text the `top_k` likeliest tokens, as transformers' fill-mask pipeline
  /// gives them. Only the masks' scores are computed. Throws Error(kInvalidArgument) for a text
  /// without a mask, Error(kFailedPrecondition) if the tokenizer has none.
  std::vector<FilledText> fill(std::span<const std::string> texts, std::int64_t top_k = 5,
                               const TextOptions& options = {}) const;
  FilledText fill(std::string_view text, std::int64_t top_k = 5,
                  const TextOptions& options = {}) const;
  const std::string& mask_token() const;  ///< e.g. "[MASK]"; empty: none

  /// SPLADE: over the tokens of a text, specials included, the maximum of log(1 + max(0, logit));
  /// a SpladePooling module may say otherwise (sum, log1p_relu). Throws Error.
  SparseEmbeddings encode_sparse(std::span<const std::string> texts,
                                 const TextOptions& options = {}) const;

  std::int64_t max_tokens() const;  ///< texts are cut here, specials included
  const Tokenizer& tokenizer() const;
  const TransformerModel& model() const;
  ModelInfo info() const;

 private:
  struct Impl;
  explicit MaskedLM(std::shared_ptr<const Impl> impl);
  std::shared_ptr<const Impl> impl_;
};

}  // namespace weft
