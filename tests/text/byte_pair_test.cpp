// Short cuts to the tokens of byte-pair encoding against its definition on strings.
#include "runtime/text/byte_pair.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace weft::test {
namespace {

using Strings = std::vector<std::string>;

struct Vocabulary {
  std::map<std::string, std::int32_t> ids;
  std::map<std::pair<std::string, std::string>, std::uint32_t> ranks;
};

// Of all neighbours those of the lowest rank become one, the leftmost first. Returns the tokens; of
// the last merge the two that it joined, and the highest rank of all.
struct Merged {
  Strings tokens;
  std::string left, right;
  std::uint32_t highest = 0;
};
Merged naive(const Vocabulary& vocabulary, Strings tokens) {
  Merged result{std::move(tokens), "", "", 0};
  Strings& now = result.tokens;
  while (true) {
    std::size_t best = now.size();
    std::uint32_t rank = Merges::kNone;
    for (std::size_t i = 0; i + 1 < now.size(); ++i) {
      const auto found = vocabulary.ranks.find({now[i], now[i + 1]});
      if (found == vocabulary.ranks.end() || found->second >= rank) continue;
      best = i;
      rank = found->second;
    }
    if (best == now.size()) return result;
    result.left = now[best];
    result.right = now[best + 1];
    result.highest = std::max(result.highest, rank);
    now[best] += now[best + 1];
    now.erase(now.begin() + static_cast<std::ptrdiff_t>(best) + 1);
  }
}

enum class Order : std::uint8_t { kOfTraining, kAny };
const Strings kLetters{"a", "b", ".", "\xE2\x96\x81"};

// Tokens may be made by several merges. In the order of training a merge is of tokens that earlier
// merges made; otherwise ranks are shuffled.
Vocabulary draw(std::mt19937& random, Order order, int merges, const Strings& letters = kLetters) {
  Vocabulary result;
  Strings tokens = letters;
  const auto add = [&](const std::string& token) {
    return result.ids.emplace(token, static_cast<std::int32_t>(result.ids.size())).second;
  };
  for (const std::string& letter : letters) add(letter);
  for (int i = 0; i < merges; ++i) {
    const auto left = tokens[random() % tokens.size()], right = tokens[random() % tokens.size()];
    if ((left + right).size() > 20) continue;
    const auto rank = static_cast<std::uint32_t>(result.ranks.size());
    if (!result.ranks.emplace(std::pair(left, right), rank).second) continue;
    if (add(left + right)) tokens.push_back(left + right);
  }
  if (order == Order::kOfTraining) return result;
  std::vector<std::uint32_t> ranks;
  for (const auto& [pair, rank] : result.ranks) ranks.push_back(rank);
  std::shuffle(ranks.begin(), ranks.end(), random);
  std::size_t i = 0;
  for (auto& [pair, rank] : result.ranks) rank = ranks[i++];
  return result;
}

Merges merges_of(const Vocabulary& vocabulary) {
  Merges merges(vocabulary.ranks.size());
  for (const auto& [pair, rank] : vocabulary.ranks) {
    merges.insert(vocabulary.ids.at(pair.first), vocabulary.ids.at(pair.second),
                  {rank, vocabulary.ids.at(pair.first + pair.second)});
  }
  return merges;
}

Strings draw_word(std::mt19937& random, std::size_t length) {
  Strings word(length);
  for (std::string& letter : word) letter = kLetters[random() % kLetters.size()];
  return word;
}

std::string joined(const Strings& tokens) {
  std::string text;
  for (const std::string& token : tokens) text += token;
  return text;
}

std::vector<std::int32_t> ids_of(const Vocabulary& vocabulary, const Strings& tokens) {
  std::vector<std::int32_t> ids;
  for (const std::string& token : tokens) ids.push_back(vocabulary.ids.at(token));
  return ids;
}

// Their ids; checks that they cover the word.
std::vector<std::int32_t> ids_of(const std::vector<Piece>& pieces, std::size_t size) {
  std::vector<std::int32_t> ids;
  std::int32_t at = 0;
  for (const Piece& piece : pieces) {
    CHECK(piece.begin == at);
    at = piece.end;
    ids.push_back(piece.id);
  }
  CHECK(static_cast<std::size_t>(at) == size);
  return ids;
}

}  // namespace

TEST_CASE("tokens of which every two neighbours stay apart are those that merging gives") {
  for (const Order order : {Order::kOfTraining, Order::kAny}) {
    std::mt19937 random(5);
    int found = 0, words = 0;
    for (int round = 0; round < 150; ++round) {
      const Vocabulary vocabulary = draw(random, order, 10 + round % 90);
      const Merges merges = merges_of(vocabulary);
      std::vector<StableTokens::Token> tokens;
      for (const auto& [text, id] : vocabulary.ids) {
        Strings letters;
        for (std::size_t at = 0; at < text.size();) {
          const std::size_t length = (text[at] & 0x80) != 0 ? 3 : 1;
          letters.push_back(text.substr(at, length));
          at += length;
        }
        const Merged merged = naive(vocabulary, letters);
        if (merged.tokens.size() != 1) continue;
        StableTokens::Token token{text, id};
        if (letters.size() > 1) {
          token.left = vocabulary.ids.at(merged.left);
          token.right = vocabulary.ids.at(merged.right);
          token.time = merged.highest + 1;
        }
        tokens.push_back(token);
      }
      const StableTokens stable(tokens);
      for (std::size_t length = 1; length < 120; ++length) {
        const Strings word = draw_word(random, length);
        const std::string text = joined(word);
        std::vector<Piece> pieces;
        ++words;
        if (!stable.tokenize(merges, text, pieces)) {
          REQUIRE(pieces.empty());
          continue;
        }
        ++found;
        REQUIRE(ids_of(pieces, text.size()) == ids_of(vocabulary, naive(vocabulary, word).tokens));
      }
    }
    CHECK(found > words * (order == Order::kOfTraining ? 0.95 : 0.3));
  }
}

TEST_CASE("a word's tokens are those of the parts that it may be cut into") {
  std::mt19937 random(6);
  std::size_t parts = 0;
  for (int round = 0; round < 300; ++round) {
    const Vocabulary vocabulary = draw(random, Order::kAny, round % 12);
    Cuts cuts;
    for (const auto& [pair, rank] : vocabulary.ranks) cuts.add_merge(pair.first, pair.second);
    const std::string word = joined(draw_word(random, 1 + random() % 40));
    Strings letters, tokens;
    const auto finish_part = [&] {
      const Strings of_part = naive(vocabulary, letters).tokens;
      tokens.insert(tokens.end(), of_part.begin(), of_part.end());
      letters.clear();
    };
    Strings all;
    for (std::size_t at = 0, end = 0; at < word.size();) {
      if (at == end) {
        end = at + cuts.first_part(std::string_view(word).substr(at));
        REQUIRE(end > at);
        if (at > 0) finish_part();
        ++parts;
      }
      const std::size_t length = (word[at] & 0x80) != 0 ? 3 : 1;
      letters.push_back(word.substr(at, length));
      all.push_back(letters.back());
      at += length;
    }
    finish_part();
    REQUIRE(tokens == naive(vocabulary, all).tokens);
  }
  CHECK(parts > 1000);
}

// What the definition makes of a word with characters that are no token, each becoming `unknown`.
Strings with_unknown(const Vocabulary& vocabulary, Strings word, const std::string& unknown,
                     bool fuse) {
  for (std::string& letter : word) {
    if (!vocabulary.ids.contains(letter)) letter = unknown;
  }
  Strings tokens = naive(vocabulary, std::move(word)).tokens;
  if (fuse) {
    tokens.erase(std::unique(tokens.begin(), tokens.end(),
                             [&](const auto& a, const auto& b) { return a == unknown && a == b; }),
                 tokens.end());
  }
  return tokens;
}

TEST_CASE("words of any length, cut or whole, come out as the definition says") {
  const Strings without_full_stop{"a", "b", "\xE2\x96\x81"};
  for (const Order order : {Order::kOfTraining, Order::kAny}) {
    std::mt19937 random(7);
    for (int round = 0; round < 120; ++round) {
      const bool fuse = round % 2 == 0;
      Vocabulary vocabulary =
          draw(random, order, 20 + round / 2, round % 4 < 2 ? kLetters : without_full_stop);
      vocabulary.ids.emplace("?", static_cast<std::int32_t>(vocabulary.ids.size()));
      StringTable table;
      for (const auto& [token, id] : vocabulary.ids) table.insert(token, id);
      BytePair::Options options;
      options.unknown_token = "?";
      options.fuse_unknown = fuse;
      for (const auto& [pair, rank] : vocabulary.ranks) {
        options.cuts.add_merge(pair.first, pair.second);
      }
      const BytePair model(std::move(table), merges_of(vocabulary), std::move(options));
      for (const std::size_t length : {1, 2, 3, 5, 9, 17, 40, 80, 200}) {
        const Strings word = draw_word(random, length);
        const std::vector<std::int32_t> expected =
            ids_of(vocabulary, with_unknown(vocabulary, word, "?", fuse));
        const std::string text = joined(word);
        std::vector<Piece> pieces;
        model.tokenize(text, pieces);
        REQUIRE(ids_of(pieces, text.size()) == expected);
        std::vector<std::int32_t> of_parts;
        for (std::size_t at = 0; at < text.size();) {
          const std::size_t size = model.first_part(std::string_view(text).substr(at));
          pieces.clear();
          model.tokenize(std::string_view(text).substr(at, size), pieces);
          const std::vector<std::int32_t> ids = ids_of(pieces, size);
          of_parts.insert(of_parts.end(), ids.begin(), ids.end());
          at += size;
        }
        REQUIRE(of_parts == expected);
      }
    }
  }
}

TEST_CASE("the unknown token is fused where a text spells it") {
  StringTable table;
  std::int32_t id = 0;
  for (const char* token : {"<unk>", "a", "b"}) table.insert(token, id++);
  BytePair::Options options;
  options.unknown_token = "<unk>";
  options.fuse_unknown = true;
  const BytePair model(std::move(table), Merges(0), std::move(options));
  std::vector<Piece> pieces;
  model.tokenize("<unk><unk>", pieces);
  CHECK(ids_of(pieces, 10) == std::vector<std::int32_t>{0});
}

}  // namespace weft::test
