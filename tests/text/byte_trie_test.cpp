#include "runtime/text/byte_trie.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>

namespace weft::test {

TEST_CASE("a trie finds every key that begins a text, the shortest first") {
  std::mt19937 random(4);
  for (int round = 0; round < 60; ++round) {
    const unsigned letters = round % 3 == 0 ? 256u : 1u + static_cast<unsigned>(random() % 6);
    const auto draw = [&](std::size_t longest) {
      std::string text(1 + random() % longest, 'x');
      for (char& c : text) c = static_cast<char>(random() % letters);
      return text;
    };
    std::map<std::string, std::int32_t> keys;
    for (std::int32_t i = 0; i < 500; ++i) keys.emplace(draw(8), i);
    std::vector<ByteTrie::Entry> entries;
    for (const auto& [key, value] : keys) entries.push_back({key, value});
    std::shuffle(entries.begin(), entries.end(), random);
    const ByteTrie trie(entries);
    for (int i = 0; i < 300; ++i) {
      const std::string text = draw(12);
      std::vector<std::pair<std::size_t, std::int32_t>> found, expected;
      trie.prefixes(
          text, [&](std::size_t length, std::int32_t value) { found.emplace_back(length, value); });
      for (std::size_t length = 1; length <= text.size(); ++length) {
        const auto key = keys.find(text.substr(0, length));
        if (key != keys.end()) expected.emplace_back(length, key->second);
      }
      REQUIRE(found == expected);
    }
  }
  ByteTrie().prefixes("text", [](std::size_t, std::int32_t) { FAIL("no key"); });
}

}  // namespace weft::test
