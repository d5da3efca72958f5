#include "runtime/text/byte_pair.h"

#include <fmt/format.h>

#include <utility>

#include "runtime/text/characters.h"
#include "runtime/utf8.h"
#include "weft/error.h"

namespace weft {

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
    return;
  }
  merge_word(word, pieces);
}

}  // namespace weft
