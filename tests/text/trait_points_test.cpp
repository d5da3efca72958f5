// Components whose classes of characters come from the package, over all code points, against
// digests of its answers (scripts/make_model_tokenizer_goldens.py).
#include <doctest/doctest.h>

#include "runtime/text/normalizer.h"
#include "runtime/text/pre_tokenizer.h"
#include "runtime/utf8.h"
#include "tests/text/golden.h"

namespace weft::test {
namespace {

constexpr char32_t kBlock = 4096;

// The text with the code point in place of each "?".
std::string around(const std::string& pattern, char32_t code) {
  std::string text;
  for (const char c : pattern) {
    if (c == '?') {
      append_utf8(code, text);
    } else {
      text += c;
    }
  }
  return text;
}

std::string answer(const Normalizer& normalizer, const std::string& text) {
  Characters characters;
  append_characters(text, 0, characters);
  normalizer.normalize(characters);
  return to_aligned_text(characters).text;
}

std::string answer(const PreTokenizer& splitter, const std::string& text) {
  WordList list{AlignedText(text, 0), {{0, static_cast<std::int32_t>(text.size())}}};
  splitter.apply(list);
  std::string words;
  for (const Span word : list.words) {
    if (!words.empty()) words += '\n';
    words.append(list.text.text, static_cast<std::size_t>(word.begin),
                 static_cast<std::size_t>(word.end - word.begin));
  }
  return words;
}

template <typename Component>
void check_all(const Component& component, const Json& golden) {
  const std::string& pattern = golden.find("around")->as_string();
  const auto& digests = golden.find("digests")->items();
  REQUIRE(digests.size() == 0x110000 / kBlock);
  int wrong = 0;
  for (char32_t first = 0; first < 0x110000; first += kBlock) {
    std::string answers;
    for (char32_t c = first; c < first + kBlock; ++c) {
      if (c >= 0xD800 && c < 0xE000) continue;
      if (c > first) answers += "\n\n";
      answers += answer(component, around(pattern, c));
    }
    CAPTURE(static_cast<std::uint32_t>(first));
    if (digest(answers) == digests[first / kBlock].as_string()) continue;
    ++wrong;
    CHECK(digest(answers) == digests[first / kBlock].as_string());
  }
  CHECK(wrong == 0);
}

}  // namespace

TEST_CASE("patterns, scripts and clusters class every code point as the package does") {
  const Json goldens = golden_json("models/points.json");
  CHECK(goldens.items().size() == 11);
  for (const Json& golden : goldens.items()) {
    const std::string& name = golden.find("name")->as_string();
    CAPTURE(name);
    const JsonField component(*golden.find("component"), name);
    if (golden.find("kind")->as_string() == "normalizer") {
      check_all(*read_normalizer(component), golden);
    } else {
      check_all(*read_pre_tokenizer(component), golden);
    }
  }
}

}  // namespace weft::test
