#include "runtime/text/word_piece.h"

#include <doctest/doctest.h>

#include <map>
#include <random>

#include "tests/failure.h"

namespace weft::test {
namespace {

using Tokens = std::map<std::string, std::int32_t>;

WordPiece word_piece(const Tokens& tokens, std::int64_t max_characters = 100) {
  StringTable table;
  for (const auto& [token, id] : tokens) table.insert(token, id);
  return {std::move(table), {"[UNK]", "##", max_characters}};
}

// The definition, by trying every end from the right.
std::vector<Piece> naive(const Tokens& tokens, const std::string& word) {
  std::vector<Piece> pieces;
  for (std::size_t begin = 0; begin < word.size();) {
    std::size_t end = word.size();
    while (end > begin &&
           !tokens.contains((begin > 0 ? "##" : "") + word.substr(begin, end - begin))) {
      --end;
    }
    if (end == begin) return {{tokens.at("[UNK]"), 0, static_cast<std::int32_t>(word.size())}};
    pieces.push_back({tokens.at((begin > 0 ? "##" : "") + word.substr(begin, end - begin)),
                      static_cast<std::int32_t>(begin), static_cast<std::int32_t>(end)});
    begin = end;
  }
  return pieces;
}

std::string show(const std::vector<Piece>& pieces) {
  std::string text;
  for (const Piece& piece : pieces) {
    text += std::to_string(piece.id) + ":" + std::to_string(piece.begin) + "-" +
            std::to_string(piece.end) + " ";
  }
  return text;
}

}  // namespace

TEST_CASE("random words over a small alphabet are cut as the definition says") {
  std::mt19937 random(7);
  for (int round = 0; round < 40; ++round) {
    Tokens tokens{{"[UNK]", 0}};
    const auto text = [&random](std::size_t longest) {
      std::string word(1 + random() % longest, 'a');
      for (char& c : word) c = static_cast<char>('a' + random() % 3);
      return word;
    };
    for (std::int32_t id = 1; id < 60; ++id) {
      tokens.emplace((random() % 2 ? "##" : "") + text(24), id);
    }
    for (const char* one : {"a", "b", "##a", "##b"}) {
      tokens.emplace(one, 100 + static_cast<std::int32_t>(tokens.size()));
    }
    const WordPiece model = word_piece(tokens);
    for (int i = 0; i < 400; ++i) {
      const std::string word = text(40);
      std::vector<Piece> pieces;
      model.tokenize(word, pieces);
      CAPTURE(word);
      REQUIRE(show(pieces) == show(naive(tokens, word)));
    }
  }
}

TEST_CASE("a word is measured in characters, not in bytes") {
  const WordPiece model = word_piece({{"[UNK]", 0}, {"é", 1}, {"##é", 2}}, 3);
  std::vector<Piece> pieces;
  model.tokenize("ééé", pieces);
  CHECK(show(pieces) == "1:0-2 2:2-4 2:4-6 ");
  pieces.clear();
  model.tokenize("éééé", pieces);
  CHECK(show(pieces) == "0:0-8 ");
}

TEST_CASE("an unknown word is an error when the vocabulary has no unknown token") {
  const WordPiece model = word_piece({{"a", 0}, {"##a", 1}}, 4);
  std::vector<Piece> pieces;
  model.tokenize("aaa", pieces);
  CHECK(pieces.size() == 3);
  WEFT_CHECK_FAILS(model.tokenize("ab", pieces), "FAILED_PRECONDITION", "\"ab\"");
  WEFT_CHECK_FAILS(model.tokenize("aaaaa", pieces), "FAILED_PRECONDITION", "[UNK]");
}

TEST_CASE("the table of strings finds what was put in and nothing else") {
  StringTable table;
  std::map<std::string, std::int32_t> reference;
  std::mt19937 random(3);
  for (std::int32_t id = 0; id < 20000; ++id) {
    std::string key(random() % 40, 'x');
    for (char& c : key) c = static_cast<char>('a' + random() % 4);
    CHECK(table.insert(key, id) == reference.emplace(key, id).second);
  }
  CHECK(table.size() == reference.size());
  for (const auto& [key, id] : reference) {
    REQUIRE(table.find(key) == id);
    REQUIRE(table.find(key + "!") == StringTable::kMissing);
  }
}

}  // namespace weft::test
