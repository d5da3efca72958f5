// Text in, a vector per token out: models of late interaction (ColBERT), which compare a query with
// a document token by token.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "weft/text_options.h"
#include "weft/transformer_model.h"

namespace weft {

/// What a text is to the model: its prompt or prefix token, where it is cut, which tokens count.
enum class TextRole : std::uint8_t { kDocument, kQuery };

/// The vectors of n texts in a row: text i has rows [offsets[i], offsets[i + 1]).
struct TokenVectors {
  std::int64_t cols = 0;
  std::vector<float> data;               ///< (offsets.back(), cols), row-major
  std::vector<std::int64_t> offsets{0};  ///< n + 1
  std::int64_t truncated = 0;            ///< texts that were cut

  std::int64_t rows() const { return offsets.back(); }
  std::span<const float> row(std::int64_t i) const {
    return {data.data() + i * cols, static_cast<std::size_t>(cols)};
  }
};

/// A directory that gives token vectors: a Transformer, Dense and Normalize over tokens, as
/// sentence-transformers' MultiVectorEncoder, PyLate or colbert-ai saves it. Thread-safe; cheap to
/// copy.
class WEFT_API MultiVectorEncoder {
 public:
  /// Whether `directory` holds such a model, by its modules.json or config.json.
  static bool recognizes(const std::filesystem::path& directory);
  /// Throws Error(kFailedPrecondition) for a model of another kind.
  static MultiVectorEncoder load(const std::filesystem::path& directory,
                                 const LoadOptions& options = {});

  /// As MultiVectorEncoder.encode_document and encode_query of sentence-transformers: documents
  /// leave out the tokens that the model skips, queries are widened with the expansion token if the
  /// model says so; its tokens have vectors whether or not the others see them.
  /// Throws Error(kInvalidArgument) for queries wider than the model's positions.
  TokenVectors encode(std::span<const std::string> texts, TextRole role,
                      const TextOptions& options = {}) const;
  /// Sum over the query's vectors of the largest dot product with a vector of the document (MaxSim,
  /// Khattab and Zaharia 2020, eq. 3); minus infinity for a document
  /// without vectors.
  /// Throws Error(kInvalidArgument) for vectors of different sizes, kOutOfRange for no such text.
  static double max_similarity(const TokenVectors& queries, std::int64_t query,
                               const TokenVectors& documents, std::int64_t document);

  std::int64_t dimension() const;
  std::int64_t max_tokens(TextRole role) const;  ///< texts are cut here, specials included
  const Tokenizer& tokenizer() const;
  const TransformerModel& model() const;
  ModelInfo info() const;

 private:
  struct Impl;
  explicit MultiVectorEncoder(std::shared_ptr<const Impl> impl);
  std::shared_ptr<const Impl> impl_;
};

}  // namespace weft
