// WordLevel: every word of the vocabulary is a token, anything else is unknown.
#pragma once

#include <memory>
#include <string>

#include "runtime/text/token_model.h"
#include "runtime/text/word_table.h"

namespace weft {

class WordLevel final : public TokenModel {
 public:
  WordLevel(StringTable vocabulary, std::string unknown_token);

  void tokenize(std::string_view word, std::vector<Piece>& pieces) const override;
  const StringTable& vocabulary() const override { return vocabulary_; }

 private:
  StringTable vocabulary_;
  WordTable words_;  // the same
  std::string unknown_token_;
  std::int32_t unknown_id_;  // StringTable::kMissing if the vocabulary lacks it
};

std::unique_ptr<TokenModel> read_word_level(const JsonField& field);

}  // namespace weft
