#include "runtime/text/byte_pair.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "runtime/text/byte_level.h"
#include "runtime/text/characters.h"
#include "runtime/utf8.h"
#include "weft/error.h"

namespace weft {
namespace {

constexpr std::string_view kSpace = "\xE2\x96\x81";  // U+2581

// The bytes whose characters a word is made of, none if it has others.
std::string bytes_of(std::string_view word) {
  std::string bytes;
  for (std::size_t at = 0; at < word.size();) {
    const Decoded next = decode_valid(word.data() + at);
    const auto byte = byte_of_character(next.code);
    if (!byte) return {};
    bytes.push_back(static_cast<char>(*byte));
    at += static_cast<std::size_t>(next.length);
  }
  return bytes;
}

}  // namespace

BytePair::BytePair(StringTable vocabulary, Merges merges, Options options)
    : vocabulary_(std::move(vocabulary)),
      merges_(std::move(merges)),
      options_(std::move(options)),
      decorated_(!options_.continuing_prefix.empty() || !options_.end_suffix.empty()) {
  for (char32_t code = 0; code < kDirect; ++code) {
    std::string character;
    append_utf8(code, character);
    direct_[code] = vocabulary_.find(character);
  }
  for (std::size_t byte = 0; byte < byte_ids_.size(); ++byte) {
    byte_ids_[byte] = vocabulary_.find(fmt::format("<0x{:02X}>", byte));
  }
  if (options_.unknown_token) unknown_id_ = vocabulary_.find(*options_.unknown_token);
  restrict_cuts();
  list_bytes();
  list_whole_words();
}

void BytePair::list_bytes() {
  reads_bytes_ = true;
  for (std::size_t place = 0; place < placed_byte_ids_.size(); ++place) {
    for (unsigned byte = 0; byte < 256; ++byte) {
      std::int32_t& id = placed_byte_ids_[place][byte];
      id = character_id(byte_character(static_cast<unsigned char>(byte)), (place & 1) != 0,
                        (place & 2) != 0);
      if (id == StringTable::kMissing) reads_bytes_ = false;
    }
  }
}

// A part begins with a character that has tokens of its own, so that an unknown one before it ends
// there as it would inside of the word, and all characters have a piece.
void BytePair::restrict_cuts() {
  Cuts& cuts = options_.cuts;
  if (decorated_ || !options_.unknown_token) return cuts.forbid();
  const bool all_bytes =
      options_.byte_fallback &&
      std::find(byte_ids_.begin(), byte_ids_.end(), StringTable::kMissing) == byte_ids_.end();
  if (all_bytes) return;
  if (vocabulary_.find(kSpace) == StringTable::kMissing) cuts.forbid_before_space();
  for (unsigned char c = 0; c < 128; ++c) {
    if (direct_[c] == StringTable::kMissing) cuts.forbid_before(c);
  }
}

std::size_t BytePair::first_part(std::string_view word) const {
  return options_.ignore_merges ? word.size() : options_.cuts.first_part(word);
}

// The word as a token, if it is one in the end.
std::optional<StableTokens::Token> BytePair::whole_token(std::string_view word) const {
  std::vector<Piece> pieces;
  try {
    append_characters(word, pieces);
  } catch (const Error&) {
    return std::nullopt;  // it has an unknown character, and there is no unknown token
  }
  const auto last = merges_.apply_to_few(pieces);
  const bool whole = pieces.size() == 1 && pieces[0].begin == 0 &&
                     static_cast<std::size_t>(pieces[0].end) == word.size();
  if (!whole) return std::nullopt;
  if (!last) return StableTokens::Token{std::string(word), pieces[0].id};
  return StableTokens::Token{std::string(word), pieces[0].id, last->left, last->right,
                             last->highest_rank + 1};
}

void BytePair::list_whole_words() {
  std::vector<StableTokens::Token> tokens;
  StringTable words, byte_words;
  for (std::size_t i = 0; i < vocabulary_.size(); ++i) {
    std::string_view word = vocabulary_.key(i);
    const std::string bytes = reads_bytes_ ? bytes_of(word) : std::string();
    if (options_.ignore_merges) {
      words.insert(word, vocabulary_.id(i));
      if (!bytes.empty()) byte_words.insert(bytes, vocabulary_.id(i));
    }
    if (!word.ends_with(options_.end_suffix)) continue;
    word.remove_suffix(options_.end_suffix.size());
    if (word.empty() || word.size() > Merges::kShort) continue;
    auto token = whole_token(word);
    if (!token) continue;
    if (!options_.ignore_merges) {
      words.insert(word, token->id);
      const std::string word_bytes = reads_bytes_ ? bytes_of(word) : std::string();
      if (!word_bytes.empty()) byte_words.insert(word_bytes, token->id);
    }
    // Unknown characters come out as another token than the word, or the word is the unknown token.
    if (decorated_ || token->id != vocabulary_.id(i) || token->id == unknown_id_) continue;
    if (reads_bytes_ && bytes.empty()) continue;
    if (reads_bytes_) token->text = bytes;
    tokens.push_back(std::move(*token));
  }
  if (!options_.ignore_merges) list_characters(words);
  whole_words_ = WordTable(words);
  whole_byte_words_ = WordTable(byte_words);
  stable_ = StableTokens(tokens);
}

// ASCII that is a token by another name: line ends, by byte fallback.
void BytePair::list_characters(StringTable& words) const {
  for (char c = 1; c > 0 && c < 127; ++c) {
    const auto token = whole_token({&c, 1});
    if (token) words.insert(token->text, token->id);
  }
}

std::int32_t BytePair::character_id(std::string_view character, bool first, bool last) const {
  if (!decorated_) {
    const char32_t code = decode_valid(character.data()).code;
    return code < kDirect ? direct_[code] : vocabulary_.find(character);
  }
  std::string token = first ? "" : options_.continuing_prefix;
  token += character;
  if (last) token += options_.end_suffix;
  return vocabulary_.find(token);
}

// Appends the tokens of the character's bytes, if there is one for each.
bool BytePair::fall_back(std::string_view character, std::int32_t& at,
                         std::vector<Piece>& pieces) const {
  for (const char byte : character) {
    if (byte_ids_[static_cast<unsigned char>(byte)] == StringTable::kMissing) return false;
  }
  for (const char byte : character) {
    pieces.push_back({byte_ids_[static_cast<unsigned char>(byte)], at, at + 1});
    ++at;
  }
  return true;
}

// As in the reference, an unknown token waits for the next known character, also when tokens of
// bytes come between; without an unknown token the character is left out, and pieces after it begin
// where it did.
void BytePair::append_characters(std::string_view word, std::vector<Piece>& pieces) const {
  std::int32_t at = 0;
  std::int32_t waiting = 0;  // bytes of unknown characters that are not yet a piece
  const auto add = [&](std::int32_t id, std::int32_t length) {
    pieces.push_back({id, at, at + length});
    at += length;
  };
  const auto flush = [&] {
    if (waiting > 0) add(unknown_id_, waiting);
    waiting = 0;
  };
  for (std::size_t begin = 0; begin < word.size();) {
    const std::int32_t length = decode_valid(word.data() + begin).length;
    const std::size_t end = begin + static_cast<std::size_t>(length);
    const std::string_view character = word.substr(begin, end - begin);
    const std::int32_t id = character_id(character, begin == 0, end == word.size());
    begin = end;
    if (id != StringTable::kMissing) {
      flush();
      add(id, length);
      continue;
    }
    if (options_.byte_fallback && fall_back(character, at, pieces)) continue;
    if (!options_.unknown_token) continue;
    if (unknown_id_ == StringTable::kMissing) {
      throw Error(Reason::kFailedPrecondition,
                  fmt::format("[tokenizer] character {}: not in the vocabulary, and the unknown "
                              "token {} is not there either",
                              in_quotes(character), in_quotes(*options_.unknown_token)));
    }
    if (!options_.fuse_unknown) flush();
    waiting += length;
  }
  flush();
}

void BytePair::merge_word(std::string_view word, std::vector<Piece>& pieces) const {
  const std::size_t first = pieces.size();
  append_characters(word, pieces);
  merges_.apply(pieces, first);
}

void BytePair::tokenize(std::string_view word, std::vector<Piece>& pieces) const {
  const std::int32_t whole = whole_words_.find(word);
  if (whole != StringTable::kMissing) {
    return pieces.push_back({whole, 0, static_cast<std::int32_t>(word.size())});
  }
  if (!reads_bytes_ && stable_.tokenize(merges_, word, pieces)) return;
  merge_word(word, pieces);
}

void BytePair::tokenize_bytes(std::string_view word, std::vector<Piece>& pieces) const {
  const auto size = static_cast<std::int32_t>(word.size());
  const std::int32_t whole = whole_byte_words_.find(word);
  if (whole != StringTable::kMissing) return pieces.push_back({whole, 0, size});
  if (stable_.tokenize(merges_, word, pieces)) return;
  const std::size_t first = pieces.size();
  for (std::int32_t at = 0; at < size; ++at) {
    const std::size_t place = (at == 0 ? 1u : 0u) | (at + 1 == size ? 2u : 0u);
    const auto byte = static_cast<unsigned char>(word[static_cast<std::size_t>(at)]);
    pieces.push_back({placed_byte_ids_[place][byte], at, at + 1});
  }
  merges_.apply(pieces, first);
}

}  // namespace weft
