// How a model of token vectors (ColBERT) takes texts: sentence-transformers' MultiVectorMask and
// its neighbours, or what PyLate writes into config_sentence_transformers.json instead, or what
// colbert-ai writes into artifact.metadata.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "runtime/sentence_modules.h"

namespace weft {

/// Tokens put behind a query.
struct QueryExpansion {
  enum class Width : std::uint8_t { kExactly, kAtLeast };  // longer queries are cut, or kept
  enum class Seen : std::uint8_t { kYes, kNo };            // whether other tokens look at them
  Width width = Width::kExactly;
  Seen seen = Seen::kNo;
  std::int64_t length = 0;
  std::optional<std::string> token;  // none: the mask token
};

struct RoleSettings {
  std::string prompt;
  /// What is at the beginning of `prompt` as one token if the vocabulary has it so; may be empty.
  std::string prefix;
  std::optional<std::int64_t> max_length;
  bool skips = false;  // skipped_words give no vector
};

struct MultiVectorSettings {
  RoleSettings document, query;
  std::vector<std::string> skipped_words;
  std::optional<QueryExpansion> expansion;  // of queries

  bool hides_expansion() const { return expansion && expansion->seen == QueryExpansion::Seen::kNo; }
};

/// Throws Error: kUnsupported naming file and option, kInvalidArgument, kCorruptFile.
MultiVectorSettings read_multi_vector_settings(const std::filesystem::path& directory,
                                               const SentenceModules& sentence);

/// One line for `weft info`, e.g. "prompt \"[Q] \", exactly 32 tokens, widened with the mask token,
/// which other tokens do not see".
std::string describe_queries(const MultiVectorSettings& settings);
std::string describe_documents(const MultiVectorSettings& settings);

}  // namespace weft
