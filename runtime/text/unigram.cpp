#include "runtime/text/unigram.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "runtime/text/characters.h"
#include "runtime/utf8.h"
#include "weft/error.h"

namespace weft {
namespace {

constexpr double kUnknownPenalty = 10;  // below the lowest score
constexpr std::int32_t kNowhere = -1;   // no token ends at this place
constexpr std::size_t kOnStack = 128;   // bytes of a word that needs no allocation

}  // namespace

Unigram::Unigram(StringTable vocabulary, std::vector<double> scores, const Options& options)
    : vocabulary_(std::move(vocabulary)), scores_(std::move(scores)), options_(options) {
  unknown_score_ = *std::min_element(scores_.begin(), scores_.end()) - kUnknownPenalty;
  std::vector<ByteTrie::Entry> entries;
  entries.reserve(vocabulary_.size());
  for (std::size_t i = 0; i < vocabulary_.size(); ++i) {
    if (!vocabulary_.key(i).empty()) entries.push_back({vocabulary_.key(i), vocabulary_.id(i)});
  }
  trie_ = ByteTrie(std::move(entries));
  for (std::size_t byte = 0; byte < byte_ids_.size(); ++byte) {
    byte_ids_[byte] = vocabulary_.find(fmt::format("<0x{:02X}>", byte));
  }
  list_whole_words();
}

void Unigram::list_whole_words() {
  StringTable words;
  std::vector<Piece> pieces;
  for (std::size_t i = 0; i < vocabulary_.size(); ++i) {
    const std::string_view word = vocabulary_.key(i);
    if (word.empty() || word.size() >= kOnStack) continue;
    pieces.clear();
    try {
      viterbi(word, pieces);
    } catch (const Error&) {
      continue;  // it has an unknown character, and there is no unknown token
    }
    if (pieces.size() == 1) words.insert(word, pieces[0].id);
  }
  whole_words_ = WordTable(words);
}

// Of equal scores the token that begins first wins, as in the reference.
void Unigram::find_best(std::string_view word, Node* nodes) const {
  nodes[0].score = 0;
  for (std::size_t i = 1; i <= word.size(); ++i) nodes[i].begin = kNowhere;
  for (std::size_t begin = 0; begin < word.size();) {
    const auto length = static_cast<std::size_t>(decode_valid(word.data() + begin).length);
    const double score = nodes[begin].score;
    const auto reach = [&](std::size_t end, double new_score, std::int32_t id) {
      Node& node = nodes[end];
      if (node.begin != kNowhere && !(new_score > node.score)) return;
      node = {new_score, static_cast<std::int32_t>(begin), id};
    };
    bool known = false;  // the character alone is a token
    trie_.prefixes(word.substr(begin), [&](std::size_t size, std::int32_t id) {
      reach(begin + size, scores_[static_cast<std::size_t>(id)] + score, id);
      known = known || size == length;
    });
    if (!known) {
      const Node& node = nodes[begin + length];
      const double new_score = unknown_score_ + score;
      if (!options_.unknown_id && (node.begin == kNowhere || new_score > node.score)) {
        throw Error(Reason::kFailedPrecondition,
                    fmt::format("[tokenizer] character {}: not in the vocabulary, and there is no "
                                "unknown token",
                                in_quotes(word.substr(begin, length))));
      }
      if (options_.unknown_id) reach(begin + length, new_score, *options_.unknown_id);
    }
    begin += length;
  }
}

// Unknown neighbours are one token; what they are together may be a token after all.
void Unigram::append_unknown(std::string_view word, std::int32_t begin, std::int32_t end,
                             std::vector<Piece>& pieces) const {
  const auto text =
      word.substr(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin));
  std::int32_t id = vocabulary_.find(text);
  const auto byte_id = [this](char c) { return byte_ids_[static_cast<unsigned char>(c)]; };
  if (id == StringTable::kMissing && options_.byte_fallback &&
      std::all_of(text.begin(), text.end(),
                  [&](char c) { return byte_id(c) != StringTable::kMissing; })) {
    // From the last byte to the first, each with the range of all.
    for (auto c = text.rbegin(); c != text.rend(); ++c) pieces.push_back({byte_id(*c), begin, end});
    return;
  }
  if (id == StringTable::kMissing) id = *options_.unknown_id;
  pieces.push_back({id, begin, end});
}

void Unigram::append_best(std::string_view word, const Node* nodes,
                          std::vector<Piece>& pieces) const {
  const std::size_t first = pieces.size();
  auto end = static_cast<std::int32_t>(word.size());
  std::int32_t unknown_end = 0;  // of a run of unknown text; 0: there is none
  while (end > 0) {
    const Node& node = nodes[end];
    if (options_.unknown_id && node.id == *options_.unknown_id) {
      if (unknown_end == 0) unknown_end = end;
    } else {
      if (unknown_end > 0) append_unknown(word, end, unknown_end, pieces);
      unknown_end = 0;
      pieces.push_back({node.id, node.begin, end});
    }
    end = node.begin;
  }
  if (unknown_end > 0) append_unknown(word, 0, unknown_end, pieces);
  std::reverse(pieces.begin() + static_cast<std::ptrdiff_t>(first), pieces.end());
}

void Unigram::viterbi(std::string_view word, std::vector<Piece>& pieces) const {
  if (word.size() < kOnStack) {
    std::array<Node, kOnStack> nodes;
    find_best(word, nodes.data());
    return append_best(word, nodes.data(), pieces);
  }
  std::vector<Node> nodes(word.size() + 1);
  find_best(word, nodes.data());
  append_best(word, nodes.data(), pieces);
}

void Unigram::tokenize(std::string_view word, std::vector<Piece>& pieces) const {
  const std::int32_t whole = whole_words_.find(word);
  if (whole != StringTable::kMissing) {
    pieces.push_back({whole, 0, static_cast<std::int32_t>(word.size())});
    return;
  }
  viterbi(word, pieces);
}

namespace {

constexpr int kLargestPower = 308;

std::array<double, kLargestPower + 1> powers_of_ten() {
  std::array<double, kLargestPower + 1> powers{};
  for (std::size_t i = 0; i < powers.size(); ++i) {
    const std::string digits = fmt::format("1e{}", i);
    std::from_chars(digits.data(), digits.data() + digits.size(), powers[i]);
  }
  return powers;
}

// A score as the reference reads it: the digits as an integer, rounded to a double, then divided by
// a power of ten, rounded again; the last bit may differ from the nearest double. Ways through a
// word that use the same tokens in another order differ in such bits alone, and the best is the
// reference's. Files hold the shortest digits that give a double back, so they follow from it.
double reference_score(double nearest) {
  std::array<char, 32> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), std::abs(nearest),
                                 std::chars_format::scientific)
                       .ptr;
  std::uint64_t significand = 0;
  int exponent = 0;
  const char* at = digits.data();
  for (; at != end && *at != 'e'; ++at) {
    if (*at == '.') continue;
    significand = significand * 10 + static_cast<unsigned>(*at - '0');
    if (at > digits.data()) --exponent;
  }
  int written = 0;
  std::from_chars(at[1] == '+' ? at + 2 : at + 1, end, written);
  exponent += written;
  static const auto powers = powers_of_ten();
  auto value = static_cast<double>(significand);
  for (; exponent < -kLargestPower; exponent += kLargestPower) value /= powers[kLargestPower];
  const double power = powers[static_cast<std::size_t>(std::abs(exponent))];
  value = exponent < 0 ? value / power : value * power;
  return nearest < 0 ? -value : value;
}

}  // namespace

std::unique_ptr<TokenModel> read_unigram(const JsonField& field) {
  const JsonField vocab = field.member("vocab");
  const std::size_t count = vocab.list_size();
  if (count == 0) vocab.expected("at least one token");
  if (count > static_cast<std::size_t>(kMaxTokenId)) vocab.expected("fewer tokens");
  StringTable vocabulary;
  vocabulary.reserve(count);
  std::vector<double> scores;
  scores.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const Json& entry = vocab.value().items()[i];
    const bool pair = entry.is_array() && entry.items().size() == 2 &&
                      entry.items()[0].is_string() && entry.items()[1].is_number();
    if (!pair || !std::isfinite(entry.items()[1].as_number())) {
      vocab.item(i).expected("a token and its score");
    }
    const std::string& token = entry.items()[0].as_string();
    if (!vocabulary.insert(token, static_cast<std::int32_t>(i))) {
      vocab.item(i).corrupt(fmt::format("{}: expected once, found twice", in_quotes(token)));
    }
    scores.push_back(reference_score(entry.items()[1].as_number()));
  }
  Unigram::Options options;
  if (field.find("unk_id")) {
    options.unknown_id =
        static_cast<std::int32_t>(field.integer("unk_id", 0, static_cast<std::int64_t>(count) - 1));
  }
  options.byte_fallback = field.flag_or("byte_fallback", false);
  return std::make_unique<Unigram>(std::move(vocabulary), std::move(scores), options);
}

}  // namespace weft
