// The public class: limits, specials in texts, bytes that are no UTF-8, sizes.
#include <doctest/doctest.h>

#include <algorithm>
#include <ctime>
#include <thread>

#include "tests/failure.h"
#include "tests/text/golden.h"
#include "tests/text/small_tokenizer.h"

namespace weft::test {
namespace {

using Ids = std::vector<std::int32_t>;
using Ranges = std::vector<std::pair<std::int32_t, std::int32_t>>;

}  // namespace

TEST_CASE("a limit counts the special tokens and tells what it cut") {
  const Tokenizer tokenizer = SmallTokenizer().load();
  TokenizeOptions options;
  options.max_length = 4;
  const Encoding cut = tokenizer.encode("a b a b a", options);
  CHECK(cut.ids == Ids{1, 3, 4, 2});
  CHECK(cut.truncated_tokens == 3);
  options.max_length = 7;
  CHECK(tokenizer.encode("a b a b a", options).truncated_tokens == 0);
  options.max_length = 2;
  CHECK(tokenizer.encode("a b", options).ids == Ids{1, 2});
  options.max_length = 1;
  WEFT_CHECK_FAILS(tokenizer.encode("a", options), "INVALID_ARGUMENT", "max_length");
  options.max_length = -7;
  WEFT_CHECK_FAILS(tokenizer.encode("a", options), "INVALID_ARGUMENT", "max_length");
  options.max_length = 0;
  options.add_special_tokens = false;
  CHECK(tokenizer.encode("a", options).ids.empty());
}

TEST_CASE("two texts share a limit, longest first") {
  const Tokenizer tokenizer = SmallTokenizer().load();
  TokenizeOptions options;
  options.max_length = 6;  // one special in this template's pair
  const Encoding both = tokenizer.encode_pair("a a a a", "b b b b", options);
  CHECK(both.ids == Ids{3, 3, 2, 4, 4, 4});
  CHECK(both.type_ids == Ids{0, 0, 0, 1, 1, 1});
  CHECK(both.truncated_tokens == 3);
  CHECK(tokenizer.encode_pair("a", "b b b b b b", options).ids == Ids{3, 2, 4, 4, 4, 4});
}

TEST_CASE("special tokens in a text are tokens, or text when asked") {
  const Tokenizer tokenizer = SmallTokenizer().load();
  TokenizeOptions options;
  CHECK(tokenizer.encode("a[SEP]b", options).ids == Ids{1, 3, 2, 4, 2});
  options.specials_in_text = SpecialsInText::kAsText;
  CHECK(tokenizer.encode("a[SEP]b", options).ids == Ids{1, 3, 8, 10, 9, 4, 2});
}

TEST_CASE("each maximal ill-formed part of a text is one replacement character") {
  SmallTokenizer small;
  small.normalizer = "null";  // keeps U+FFFD, which then is an unknown word of its own
  small.pre_tokenizer = R"({"type":"Whitespace"})";
  const Tokenizer tokenizer = small.load();
  struct Example {
    std::string bytes;
    std::int32_t characters;
  };
  // Unicode 15, section 3.9, tables 3-8 to 3-11, and truncated forms.
  for (const Example& example :
       {Example{"\xC0\xAF", 2}, Example{"\xE0\x80\xBF", 3}, Example{"\xF0\x81\x82", 3},
        Example{"\xED\xA0\x80", 3}, Example{"\xF4\x91\x92\x93", 4}, Example{"\xE1\x80", 1},
        Example{"\xF0\x91\x92", 1}, Example{"\xF1\xBF", 1}, Example{"\x80\xBF", 2},
        Example{"\xFF", 1}, Example{"\xE1\x80\xE2\xF0\x91\x92", 3}}) {
    const auto size = static_cast<std::int32_t>(example.bytes.size());
    CAPTURE(size);
    const Encoding encoding = tokenizer.encode("é " + example.bytes + " a");
    CHECK(encoding.ids == Ids{1, 7, 0, 3, 2});
    CHECK(encoding.offsets == Ranges{{0, 0},
                                     {0, 1},
                                     {2, 2 + example.characters},
                                     {3 + example.characters, 4 + example.characters},
                                     {0, 0}});
    CHECK(encoding.byte_offsets ==
          Ranges{{0, 0}, {0, 2}, {3, 3 + size}, {4 + size, 5 + size}, {0, 0}});
  }
  // BertNormalizer removes U+FFFD, so the word is joined.
  CHECK(SmallTokenizer()
            .load()
            .encode("a\xFF\xE2\x82"
                    "b")
            .byte_offsets == Ranges{{0, 0}, {0, 1}, {4, 5}, {0, 0}});
}

TEST_CASE("tokens and ids are found both ways") {
  const Tokenizer tokenizer = SmallTokenizer().load();
  CHECK(tokenizer.vocabulary_size() == 11);
  CHECK(tokenizer.token_to_id("##b") == 6);
  CHECK_FALSE(tokenizer.token_to_id("##c").has_value());
  CHECK(tokenizer.id_to_token(10) == "sep");
  WEFT_CHECK_FAILS(tokenizer.id_to_token(11), "OUT_OF_RANGE", "11");
  WEFT_CHECK_FAILS(tokenizer.id_to_token(-1), "OUT_OF_RANGE", "-1");
  CHECK(tokenizer.special_tokens(1) == 2);
  CHECK(tokenizer.special_tokens(2) == 1);
  CHECK(tokenizer.leading_special_tokens() == 1);
  CHECK(tokenizer.ends_with_special());
  SmallTokenizer bare;
  bare.post_processor = "null";
  CHECK(bare.load().special_tokens(1) == 0);
  CHECK(bare.load().leading_special_tokens() == 0);
  CHECK_FALSE(bare.load().ends_with_special());
}

TEST_CASE("one tokenizer serves many threads") {
  const Tokenizer tokenizer = Tokenizer::load(tokenizer_goldens() / "uncased");
  const Json texts = golden_json("texts.json");
  std::vector<Encoding> expected;
  for (const Json& text : texts.items()) expected.push_back(tokenizer.encode(text.as_string()));
  std::vector<int> wrong(4, 0);
  std::vector<std::thread> threads;
  for (int& count : wrong) {
    threads.emplace_back([&] {
      for (std::size_t i = 0; i < expected.size(); ++i) {
        count += tokenizer.encode(texts.items()[i].as_string()).ids != expected[i].ids;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == std::vector<int>(4, 0));
}

TEST_CASE("a batch gives what its texts give, on any number of threads") {
  const Tokenizer tokenizer = Tokenizer::load(tokenizer_goldens() / "models" / "xlmr");
  const Json texts = golden_json("texts.json");
  std::vector<std::string_view> views;
  for (const Json& text : texts.items()) views.push_back(text.as_string());
  for (const int threads : {1, 2, 5}) {
    const auto results = tokenizer.encode_batch(views, {}, threads);
    REQUIRE(results.size() == views.size());
    for (std::size_t i = 0; i < views.size(); ++i) {
      const Encoding alone = tokenizer.encode(views[i]);
      REQUIRE(results[i].ids == alone.ids);
      REQUIRE(results[i].offsets == alone.offsets);
    }
  }
  CHECK(tokenizer.encode_batch({}, {}, 3).empty());
  WEFT_CHECK_FAILS(tokenizer.encode_batch(views, {}, 0), "INVALID_ARGUMENT", "threads");
  TokenizeOptions impossible;
  impossible.max_length = 1;
  WEFT_CHECK_FAILS(tokenizer.encode_batch(views, impossible, 2), "INVALID_ARGUMENT", "max_length");
}

TEST_CASE("time is linear in the text, whatever it holds") {
  const auto seconds = [](const Tokenizer& tokenizer, const std::string& unit, std::size_t bytes) {
    std::string text;
    while (text.size() < bytes) text += unit;
    double best = 1e9;  // of this process's time, which other processes do not lengthen
    for (int i = 0; i < 3; ++i) {
      const std::clock_t begin = std::clock();
      (void)tokenizer.encode(text);
      best = std::min(best, static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC);
    }
    return best;
  };
  std::vector<Tokenizer> tokenizers{SmallTokenizer().load()};
  for (const char* name : {"roberta", "llama3", "llama", "albert", "whole_text", "delimiters"}) {
    tokenizers.push_back(Tokenizer::load(tokenizer_goldens() / "models" / name));
  }
  // One word, one mark after another, added tokens, nearly added tokens, ill-formed bytes, spaces.
  // A quadratic step would make 16 times the bytes cost 256 times as much.
  for (const Tokenizer& tokenizer : tokenizers) {
    for (const std::string unit : {"a", "a ", "\u0301", "\u302E\u0327", "[SEP]", "[SE", "\xFF",
                                   "東", " ", "\n", "the", "1", "-", "\u2581"}) {
      CAPTURE(unit);
      const double little = seconds(tokenizer, unit, 1u << 13);
      const double much = seconds(tokenizer, unit, 1u << 17);
      CHECK(much < 80 * little + 0.05);
    }
  }
}

}  // namespace weft::test
