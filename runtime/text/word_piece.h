// WordPiece: the longest token that begins the word, then the longest that continues it, and so on
// (Wu et al. 2016, the greedy form that BERT uses).
#pragma once

#include <memory>

#include "runtime/text/token_model.h"
#include "runtime/text/word_table.h"

namespace weft {

class WordPiece final : public TokenModel {
 public:
  struct Options {
    std::string unknown_token;
    std::string continuing_prefix;  // of tokens that do not begin a word, e.g. "##"
    std::int64_t max_characters;    // a longer word is unknown
  };
  WordPiece(StringTable vocabulary, Options options);

  void tokenize(std::string_view word, std::vector<Piece>& pieces) const override;
  const StringTable& vocabulary() const override { return vocabulary_; }
  std::string_view continuing_prefix() const override { return options_.continuing_prefix; }

 private:
  void unknown(std::string_view word, std::vector<Piece>& pieces) const;

  StringTable vocabulary_;
  WordTable words_;       // the same
  WordTable continuing_;  // tokens with the prefix, without it
  std::vector<std::uint32_t> first_lengths_, continuing_lengths_;  // longest first
  Options options_;
  std::int32_t unknown_id_;  // StringTable::kMissing if the vocabulary lacks it
};

std::unique_ptr<TokenModel> read_word_piece(const JsonField& field);

}  // namespace weft
