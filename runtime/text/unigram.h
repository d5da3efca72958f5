// Unigram: the tokens whose scores add up to most (Kudo 2018), by Viterbi's algorithm.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/text/byte_trie.h"
#include "runtime/text/token_model.h"
#include "runtime/text/word_table.h"

namespace weft {

class Unigram final : public TokenModel {
 public:
  struct Options {
    std::optional<std::int32_t> unknown_id;  // < number of tokens
    bool byte_fallback = false;              // unknown text becomes tokens "<0x00>" to "<0xFF>"
  };
  /// Token i of the vocabulary has id i and score i.
  Unigram(StringTable vocabulary, std::vector<double> scores, const Options& options);

  void tokenize(std::string_view word, std::vector<Piece>& pieces) const override;
  std::optional<std::int32_t> surface_id() const override { return options_.unknown_id; }
  const StringTable& vocabulary() const override { return vocabulary_; }

 private:
  struct Node {
    double score;        // of the best way to this place
    std::int32_t begin;  // of its last token
    std::int32_t id;     // of that token
  };
  void find_best(std::string_view word, Node* nodes) const;
  void append_best(std::string_view word, const Node* nodes, std::vector<Piece>& pieces) const;
  void append_unknown(std::string_view word, std::int32_t begin, std::int32_t end,
                      std::vector<Piece>& pieces) const;
  void viterbi(std::string_view word, std::vector<Piece>& pieces) const;
  void list_whole_words();

  StringTable vocabulary_;
  std::vector<double> scores_;
  Options options_;
  double unknown_score_;
  ByteTrie trie_;
  std::array<std::int32_t, 256> byte_ids_;  // of byte_fallback
  WordTable whole_words_;                   // words that are one token in the end
};

std::unique_ptr<TokenModel> read_unigram(const JsonField& field);

}  // namespace weft
