// Every component's answer for every code point, between marks, against digests of the package's.
#include <doctest/doctest.h>

#include "runtime/text/normalizer.h"
#include "runtime/text/pre_tokenizer.h"
#include "runtime/utf8.h"
#include "tests/text/golden.h"

namespace weft::test {
namespace {

constexpr char32_t kBlock = 4096;

std::unique_ptr<Normalizer> normalizer_named(const std::string& name) {
  if (name.starts_with("Bert")) {
    return std::make_unique<BertNormalizer>(
        BertNormalizerOptions{name[4] == '1', name[5] == '1', name[6] == '1', name[7] == '1'});
  }
  const Json json = Json::parse("{\"type\":\"" + name + "\"}", "test");
  return read_normalizer(JsonField(json, "test"));
}

// Calls f with each code point of a block that may stand in a text.
template <typename Function>
void for_each_in_block(char32_t first, Function f) {
  for (char32_t c = first; c < first + kBlock; ++c) {
    if (c < 0xD800 || c >= 0xE000) f(c);
  }
}

// What becomes of each code point between marks, one a line. The block is normalised as one text
// (starters keep its parts apart) and taken apart by the sources.
std::string normalized_block(const Normalizer& normalizer, char32_t first) {
  std::string text;
  std::vector<std::int32_t> ends;
  for_each_in_block(first, [&](char32_t c) {
    text += "a\u0323";
    append_utf8(c, text);
    text += "\u0334-";
    ends.push_back(static_cast<std::int32_t>(text.size()));
  });
  Characters characters;
  append_characters(text, 0, characters);
  normalizer.normalize(characters);
  std::string lines;
  std::size_t part = 0;
  for (const Character& character : characters) {
    for (; character.source.begin >= ends[part]; ++part) lines += '\n';
    append_utf8(character.code, lines);
  }
  return lines;
}

// The words of each code point between a letter and a hyphen, one a line.
std::string split_block(const PreTokenizer& splitter, char32_t first) {
  WordList list;
  for_each_in_block(first, [&](char32_t c) {
    const std::int32_t begin = list.text.size();
    for (const char32_t code : {U'a', c, U'-'}) list.text.append(code, {begin, begin});
    list.words.push_back({begin, list.text.size()});
  });
  splitter.apply(list);
  std::string lines;
  for (const Span word : list.words) {
    if (!lines.empty()) lines += '\n';
    lines.append(list.text.text, static_cast<std::size_t>(word.begin),
                 static_cast<std::size_t>(word.end - word.begin));
  }
  return lines;
}

}  // namespace

TEST_CASE("every component treats every code point as the package does") {
  const Json goldens = golden_json("code_points.json");
  CHECK(goldens.members().size() == 15);
  for (const auto& [name, blocks] : goldens.members()) {
    CAPTURE(name);
    REQUIRE(blocks.items().size() == 0x110000 / kBlock);
    const bool splits =
        name.starts_with("Whitespace") || name == "Punctuation" || name == "BertPreTokenizer";
    const Json type = Json::parse("{\"type\":\"" + name + "\"}", "test");
    const auto splitter = splits ? read_pre_tokenizer(JsonField(type, "test")) : nullptr;
    const auto normalizer = splits ? nullptr : normalizer_named(name);
    int wrong = 0;
    for (char32_t first = 0; first < 0x110000; first += kBlock) {
      const std::string found =
          digest(splits ? split_block(*splitter, first) : normalized_block(*normalizer, first));
      if (found == blocks.items()[first / kBlock].as_string()) continue;
      ++wrong;
      CAPTURE(static_cast<std::uint32_t>(first));
      CHECK(found == blocks.items()[first / kBlock].as_string());
    }
    CHECK(wrong == 0);
  }
}

}  // namespace weft::test
