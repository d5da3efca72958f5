// From words to ids. One implementation per file, registered in token_model.cpp.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/text/json_field.h"
#include "runtime/text/string_table.h"

namespace weft {

/// A token of a word; begin and end are bytes in the word.
struct Piece {
  std::int32_t id, begin, end;
};

class TokenModel {
 public:
  virtual ~TokenModel();
  /// Appends the tokens of a word that is not empty and valid UTF-8; word.size() < 2^31. Throws
  /// Error(kFailedPrecondition) for an unknown word when the vocabulary has no unknown token.
  virtual void tokenize(std::string_view word, std::vector<Piece>& pieces) const = 0;
  /// Bytes of the first part of a word that is not empty, at least one: its tokens are those of
  /// this part, then those of the rest.
  virtual std::size_t first_part(std::string_view word) const { return word.size(); }
  /// Whether tokenize_bytes() may be called.
  virtual bool reads_bytes() const { return false; }
  /// tokenize() of the characters that the bytes of a word stand for (byte_level.h), without them;
  /// begin and end count the word's bytes.
  virtual void tokenize_bytes(std::string_view, std::vector<Piece>&) const {}
  /// Every string of the model with its id; ids and strings are unique, ids are in [0, 2^31 - 2].
  virtual const StringTable& vocabulary() const = 0;
  /// The id whose tokens stand for the text they cover, not for the vocabulary's string.
  virtual std::optional<std::int32_t> surface_id() const { return std::nullopt; }
  /// Of tokens that continue a word; empty: they are not marked.
  virtual std::string_view continuing_prefix() const { return {}; }
};

inline constexpr std::int64_t kMaxTokenId = 0x7FFFFFFE;

/// `field` is tokenizer.json's "model". A missing "type" (legacy files) is inferred.
std::unique_ptr<TokenModel> read_token_model(const JsonField& field);

/// A {"token": id} object. Throws Error(kCorruptFile) for ids out of range or taken twice.
StringTable read_vocabulary(const JsonField& field);

}  // namespace weft
