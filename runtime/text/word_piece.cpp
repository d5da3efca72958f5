#include "runtime/text/word_piece.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <span>

#include "runtime/utf8.h"
#include "weft/error.h"

namespace weft {
namespace {

// Tries the lengths that tokens have, so the work per position is bounded by the vocabulary and not
// by the word. A length that ends inside a character matches nothing: tokens are valid UTF-8.
Piece longest_match(const WordTable& table, std::span<const std::uint32_t> lengths,
                    std::string_view word, std::size_t begin) {
  const std::string_view rest = word.substr(begin);
  for (const std::uint32_t length : lengths) {
    if (length > rest.size()) continue;
    if (length == 0) break;
    const std::int32_t id = table.find(rest.substr(0, length));
    if (id != StringTable::kMissing) {
      return {id, static_cast<std::int32_t>(begin), static_cast<std::int32_t>(begin + length)};
    }
  }
  return {StringTable::kMissing, 0, 0};
}

bool longer_than(std::string_view word, std::int64_t characters) {
  if (static_cast<std::int64_t>(word.size()) <= characters) return false;
  return std::count_if(word.begin(), word.end(), [](char c) { return (c & 0xC0) != 0x80; }) >
         characters;
}

}  // namespace

WordPiece::WordPiece(StringTable vocabulary, Options options)
    : vocabulary_(std::move(vocabulary)), words_(vocabulary_), options_(std::move(options)) {
  StringTable continuing;
  for (std::size_t i = 0; i < vocabulary_.size(); ++i) {
    const std::string_view token = vocabulary_.key(i);
    if (!token.starts_with(options_.continuing_prefix)) continue;
    continuing.insert(token.substr(options_.continuing_prefix.size()), vocabulary_.id(i));
  }
  first_lengths_ = vocabulary_.lengths();
  continuing_lengths_ = continuing.lengths();
  continuing_ = WordTable(continuing);
  unknown_id_ = vocabulary_.find(options_.unknown_token);
}

void WordPiece::unknown(std::string_view word, std::vector<Piece>& pieces) const {
  if (unknown_id_ == StringTable::kMissing) {
    throw Error(Reason::kFailedPrecondition,
                fmt::format("[tokenizer] word {}: not in the vocabulary, and the unknown token {} "
                            "is not there either",
                            in_quotes(word, 40), in_quotes(options_.unknown_token)));
  }
  pieces.push_back({unknown_id_, 0, static_cast<std::int32_t>(word.size())});
}

void WordPiece::tokenize(std::string_view word, std::vector<Piece>& pieces) const {
  if (longer_than(word, options_.max_characters)) return unknown(word, pieces);
  const std::int32_t whole = words_.find(word);  // four of five English words end here
  if (whole != StringTable::kMissing) {
    pieces.push_back({whole, 0, static_cast<std::int32_t>(word.size())});
    return;
  }
  const std::size_t before = pieces.size();
  Piece piece = longest_match(words_, first_lengths_, word, 0);
  while (piece.id != StringTable::kMissing) {
    pieces.push_back(piece);
    if (static_cast<std::size_t>(piece.end) == word.size()) return;
    piece =
        longest_match(continuing_, continuing_lengths_, word, static_cast<std::size_t>(piece.end));
  }
  pieces.resize(before);
  unknown(word, pieces);
}

std::unique_ptr<TokenModel> read_word_piece(const JsonField& field) {
  WordPiece::Options options;
  options.unknown_token = field.text("unk_token");
  options.continuing_prefix = field.text("continuing_subword_prefix");
  options.max_characters =
      field.integer("max_input_chars_per_word", 0, std::numeric_limits<std::int64_t>::max());
  return std::make_unique<WordPiece>(read_vocabulary(field.member("vocab")), std::move(options));
}

}  // namespace weft
