// tokenizer.json and tokenizer_config.json as the parts of a Tokenizer.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "runtime/text/added_tokens.h"
#include "runtime/text/bert_words.h"
#include "runtime/text/detokenizer.h"
#include "runtime/text/id_table.h"
#include "runtime/text/normalizer.h"
#include "runtime/text/offset_trim.h"
#include "runtime/text/post_processor.h"
#include "runtime/text/pre_tokenizer.h"
#include "runtime/text/token_model.h"

namespace weft {

struct TokenizerParts {
  std::unique_ptr<Normalizer> normalizer;       // null: none
  std::unique_ptr<PreTokenizer> pre_tokenizer;  // null: the whole text is one word
  std::optional<BertWords> bert_words;          // when both are BERT's, and it may be used
  std::unique_ptr<TokenModel> model;
  AddedTokens added_tokens;
  PostProcessor post_processor;
  Detokenizer detokenizer;
  IdTable ids;                                    // views of model and added_tokens
  std::vector<TokenSpaces> spaces;                // by index in ids; empty if nothing is trimmed
  std::optional<std::int64_t> truncation_length;  // tokenizer.json's

  TokenSpaces spaces_of(std::int32_t id) const { return spaces[*ids.index(id)]; }
};

/// Throws Error: kNotFound, kIoError, kCorruptFile, kUnsupported naming file and field.
TokenizerParts read_tokenizer_json(const std::filesystem::path& file);

/// tokenizer_config.json's model_max_length.
struct LengthLimit {
  enum class Kind : std::uint8_t { kAbsent, kUnlimited, kTokens };
  Kind kind = Kind::kAbsent;
  std::int64_t tokens = 0;  // of kTokens
};
/// What of tokenizer_config.json counts.
struct TokenizerConfig {
  LengthLimit model_max_length;
  /// Whether model_input_names has token_type_ids. If it is not there, transformers' class decides:
  /// those that belong to no model give none.
  bool gives_token_types = true;
};
/// The defaults if there is no such file. Throws Error: kIoError, kCorruptFile.
TokenizerConfig read_tokenizer_config(const std::filesystem::path& file);

}  // namespace weft
