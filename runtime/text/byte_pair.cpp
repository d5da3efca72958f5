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
  list_whole_words();
  list_bytes();
  cuts_at_spaces_ = may_cut_at_spaces();
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
  if (!reads_bytes_) return;
  const StringTable& words = options_.ignore_merges ? vocabulary_ : whole_words_;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string bytes = bytes_of(words.key(i));
    if (!bytes.empty()) whole_byte_words_.insert(bytes, words.id(i));
  }
}

// The character is then known wherever it stands, so that pieces before it are never waited for.
bool BytePair::may_cut_at_spaces() const {
  return options_.words_begin_with_space && !decorated_ && options_.unknown_token &&
         vocabulary_.find(kSpace) != StringTable::kMissing;
}

void BytePair::list_whole_words() {
  if (options_.ignore_merges) return;
  std::vector<Piece> pieces;
  for (std::size_t i = 0; i < vocabulary_.size(); ++i) {
    std::string_view word = vocabulary_.key(i);
    if (!word.ends_with(options_.end_suffix)) continue;
    word.remove_suffix(options_.end_suffix.size());
    if (word.empty() || word.size() > Merges::kShort) continue;
    pieces.clear();
    try {
      merge_word(word, pieces);
    } catch (const Error&) {
      continue;  // it has an unknown character, and there is no unknown token
    }
    const bool whole = pieces.size() == 1 && pieces[0].begin == 0 &&
                       static_cast<std::size_t>(pieces[0].end) == word.size();
    if (whole) whole_words_.insert(word, pieces[0].id);
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
  const std::int32_t whole = (options_.ignore_merges ? vocabulary_ : whole_words_).find(word);
  if (whole != StringTable::kMissing) {
    pieces.push_back({whole, 0, static_cast<std::int32_t>(word.size())});
  } else if (cuts_at_spaces_) {
    tokenize_parts(word, pieces);
  } else {
    merge_word(word, pieces);
  }
}

// A word of many words, as vocabularies without a pre-tokenizer have it: nothing is joined across
// the begin of one.
void BytePair::tokenize_parts(std::string_view word, std::vector<Piece>& pieces) const {
  std::size_t begin = 0;
  while (begin < word.size()) {
    std::size_t end = begin;
    while (word.substr(end).starts_with(kSpace)) end += kSpace.size();
    end = std::min(word.find(kSpace, end), word.size());
    const std::string_view part = word.substr(begin, end - begin);
    const std::size_t first = pieces.size();
    const std::int32_t whole = whole_words_.find(part);
    if (whole != StringTable::kMissing) {
      pieces.push_back({whole, 0, static_cast<std::int32_t>(part.size())});
    } else {
      merge_word(part, pieces);
    }
    for (std::size_t i = first; i < pieces.size(); ++i) {
      pieces[i].begin += static_cast<std::int32_t>(begin);
      pieces[i].end += static_cast<std::int32_t>(begin);
    }
    begin = end;
  }
}

void BytePair::tokenize_bytes(std::string_view word, std::vector<Piece>& pieces) const {
  const auto size = static_cast<std::int32_t>(word.size());
  const std::int32_t whole = whole_byte_words_.find(word);
  if (whole != StringTable::kMissing) return pieces.push_back({whole, 0, size});
  const std::size_t first = pieces.size();
  for (std::int32_t at = 0; at < size; ++at) {
    const std::size_t place = (at == 0 ? 1u : 0u) | (at + 1 == size ? 2u : 0u);
    const auto byte = static_cast<unsigned char>(word[static_cast<std::size_t>(at)]);
    pieces.push_back({placed_byte_ids_[place][byte], at, at + 1});
  }
  merges_.apply(pieces, first);
}

}  // namespace weft
