// The fast path against the two plain classes that it stands for.
#include "runtime/text/bert_words.h"

#include <doctest/doctest.h>

#include <random>

#include "runtime/text/class_splitters.h"
#include "runtime/utf8.h"

namespace weft::test {
namespace {

// Records words instead of cutting them: the words are the result.
class Recorder final : public TokenModel {
 public:
  void tokenize(std::string_view word, std::vector<Piece>& pieces) const override {
    words.emplace_back(word);
    pieces.push_back({0, 0, static_cast<std::int32_t>(word.size())});
  }
  const StringTable& vocabulary() const override { return table_; }
  mutable std::vector<std::string> words;

 private:
  StringTable table_;
};

struct Words {
  std::vector<std::string> words;
  std::vector<std::pair<std::int32_t, std::int32_t>> sources;
  friend bool operator==(const Words&, const Words&) = default;
};

Words plain_words(const BertNormalizerOptions& options, const std::string& text) {
  Characters characters;
  append_characters(text, 0, characters);
  BertNormalizer(options).normalize(characters);
  const AlignedText aligned = to_aligned_text(characters);
  std::vector<Span> spans;
  BertPreTokenizer().split(aligned.text, {0, static_cast<std::int32_t>(aligned.text.size())},
                           spans);
  Words result;
  for (const Span span : spans) {
    result.words.push_back(aligned.text.substr(static_cast<std::size_t>(span.begin),
                                               static_cast<std::size_t>(span.end - span.begin)));
    const Span source = aligned.source(span);
    result.sources.emplace_back(source.begin, source.end);
  }
  return result;
}

std::string random_text(std::mt19937& generator) {
  const auto random = [&generator] { return static_cast<std::uint32_t>(generator()); };
  constexpr std::u32string_view kMarks =
      U"\u0300\u0323\u0334\u0345\u302E\u1B44\uA9C0\u034F\u0344\u0F73\u200B\uFFFD\U0001D165"
      U"\U0001D1BE";
  std::string text;
  const auto length = random() % 30;
  for (unsigned i = 0; i < length; ++i) {
    char32_t code = 0x20 + random() % 0x5F;
    switch (random() % 6) {
      case 0: code = random() % 0x3000; break;
      case 1: code = kMarks[random() % kMarks.size()]; break;
      case 2: code = random() % 0x110000; break;
      default: break;
    }
    if (code < 0xD800 || code >= 0xE000) append_utf8(code, text);
  }
  return text;
}

}  // namespace

TEST_CASE("words and their sources are those of the normaliser and the pre-tokenizer") {
  std::mt19937 random(11);
  int done = 0, out_of_order = 0;
  for (int i = 0; i < 40000; ++i) {
    const auto bits = static_cast<unsigned>(random());
    const BertNormalizerOptions options{(bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0,
                                        (bits & 8) != 0};
    const std::string text = random_text(random);
    CAPTURE(text);
    const Recorder recorder;
    Encoding encoding;
    TokenSink sink(encoding, kNoLimit, Offsets::kWanted);
    const auto outcome = BertWords(options).tokenize(
        text, {0, static_cast<std::int32_t>(text.size())}, recorder, sink);
    if (outcome == BertWords::Outcome::kOutOfOrder) {
      ++out_of_order;
      continue;
    }
    ++done;
    REQUIRE(Words{recorder.words, encoding.byte_offsets} == plain_words(options, text));
  }
  CHECK(done > 30000);
  CHECK(out_of_order > 0);
}

}  // namespace weft::test
