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

std::string normalized(const Normalizer& normalizer, const std::string& text) {
  Characters characters;
  append_characters(text, 0, characters);
  normalizer.normalize(characters);
  return to_aligned_text(characters).text;
}

std::string character(char32_t code) {
  std::string text;
  append_utf8(code, text);
  return text;
}

// Answers for a block, one a line, as the generator writes them.
template <typename AddAnswers>
std::string block_digest(char32_t first, AddAnswers add_answers) {
  std::string lines;
  for (char32_t c = first; c < first + kBlock; ++c) {
    if (c >= 0xD800 && c < 0xE000) continue;
    add_answers(c, lines);
  }
  if (!lines.empty()) lines.pop_back();  // the newline after the last
  return digest(lines);
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
      const std::string found = block_digest(first, [&](char32_t c, std::string& lines) {
        if (normalizer) {
          lines += normalized(*normalizer, "a\u0323" + character(c) + "\u0334-") + '\n';
          return;
        }
        const std::string text = "a" + character(c) + "-";
        std::vector<Span> words;
        splitter->split(text, {0, static_cast<std::int32_t>(text.size())}, words);
        for (const Span word : words) {
          lines += text.substr(static_cast<std::size_t>(word.begin),
                               static_cast<std::size_t>(word.end - word.begin)) +
                   '\n';
        }
      });
      if (found == blocks.items()[first / kBlock].as_string()) continue;
      ++wrong;
      CAPTURE(static_cast<std::uint32_t>(first));
      CHECK(found == blocks.items()[first / kBlock].as_string());
    }
    CHECK(wrong == 0);
  }
}

}  // namespace weft::test
