// Byte-pair encoding: characters, merged as the vocabulary's merges say.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>

#include "runtime/text/cuts.h"
#include "runtime/text/merges.h"
#include "runtime/text/stable_tokens.h"
#include "runtime/text/token_model.h"
#include "runtime/text/word_table.h"

namespace weft {

class BytePair final : public TokenModel {
 public:
  struct Options {
    std::optional<std::string> unknown_token;
    std::string continuing_prefix;  // of every character but a word's first
    std::string end_suffix;         // of a word's last character
    bool fuse_unknown = false;      // neighbours become one unknown token
    bool byte_fallback = false;     // an unknown character becomes tokens "<0x00>" to "<0xFF>"
    bool ignore_merges = false;     // a word in the vocabulary is that token
    Cuts cuts;                      // by the merges; forbidden if one is of an unknown character
  };
  BytePair(StringTable vocabulary, Merges merges, Options options);

  void tokenize(std::string_view word, std::vector<Piece>& pieces) const override;
  const StringTable& vocabulary() const override { return vocabulary_; }
  std::string_view continuing_prefix() const override { return options_.continuing_prefix; }
  bool reads_bytes() const override { return reads_bytes_; }
  void tokenize_bytes(std::string_view word, std::vector<Piece>& pieces) const override;
  std::size_t first_part(std::string_view word) const override;

 private:
  static constexpr std::size_t kDirect = 512;  // covers the alphabet of byte-level vocabularies

  std::int32_t character_id(std::string_view character, bool first, bool last) const;
  bool fall_back(std::string_view character, std::int32_t& at, std::vector<Piece>& pieces) const;
  void append_characters(std::string_view word, std::vector<Piece>& pieces) const;
  void merge_word(std::string_view word, std::vector<Piece>& pieces) const;
  void restrict_cuts();
  void list_bytes();
  void list_whole_words();
  void list_characters(StringTable& words) const;
  std::optional<StableTokens::Token> whole_token(std::string_view word) const;

  StringTable vocabulary_;
  Merges merges_;
  Options options_;
  bool decorated_;                            // a prefix or a suffix is in use
  std::array<std::int32_t, kDirect> direct_;  // ids of the first code points
  std::array<std::int32_t, 256> byte_ids_;    // of byte_fallback
  std::int32_t unknown_id_ = StringTable::kMissing;
  // Byte-level vocabularies read without the characters of bytes: ids of each byte at the four
  // kinds of places in a word (bit 0: it is the first, bit 1: the last).
  bool reads_bytes_ = false;
  std::array<std::array<std::int32_t, 256>, 4> placed_byte_ids_;
  // Words that are one token in the end: most words of a text; also those of bytes, in bytes. Found
  // when the model is made, so that nothing has to be met before.
  WordTable whole_words_, whole_byte_words_;
  StableTokens stable_;  // what other words are made of; in bytes if reads_bytes_
};

std::unique_ptr<TokenModel> read_byte_pair(const JsonField& field);

}  // namespace weft
