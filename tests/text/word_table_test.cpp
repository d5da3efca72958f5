#include "runtime/text/word_table.h"

#include <doctest/doctest.h>

#include <map>
#include <random>
#include <string>

namespace weft::test {

TEST_CASE("a table of words of every length finds them and nothing else") {
  std::mt19937 random(3);
  const auto draw = [&random] {
    std::string word(random() % 41, 'a');
    for (char& c : word) c = static_cast<char>(random() % 3 == 0 ? 0 : 'a' + random() % 2);
    return word;
  };
  for (const int count : {0, 1, 2, 100, 5000}) {
    std::map<std::string, std::int32_t> expected;
    StringTable words;
    for (int i = 0; i < count; ++i) {
      const std::string word = draw();
      if (expected.emplace(word, i).second) words.insert(word, i);
    }
    const WordTable table(words);
    for (const auto& [word, id] : expected) REQUIRE(table.find(word) == id);
    for (int i = 0; i < 5000; ++i) {
      const std::string word = draw();
      const auto found = expected.find(word);
      REQUIRE(table.find(word) == (found == expected.end() ? WordTable::kMissing : found->second));
    }
  }
  CHECK(WordTable().find("") == WordTable::kMissing);
  CHECK(WordTable().find("a") == WordTable::kMissing);
}

}  // namespace weft::test
