// Broken and hostile models of each kind: what they are refused with.
#include <doctest/doctest.h>

#include "tests/failure.h"
#include "tests/text/small_tokenizer.h"

namespace weft::test {
namespace {

using Ids = std::vector<std::int32_t>;

// A tokenizer of this model alone.
struct BareTokenizer : SmallTokenizer {
  explicit BareTokenizer(std::string head_fields, std::string vocabulary) {
    added_tokens = "[]";
    normalizer = pre_tokenizer = post_processor = "null";
    model_head = std::move(head_fields);
    vocab = std::move(vocabulary);
  }
};

void check_refused(const std::string& head, const std::string& vocab, const std::string& part) {
  CAPTURE(head);
  CAPTURE(vocab);
  WEFT_CHECK_FAILS(BareTokenizer(head, vocab).load(), "CORRUPT_FILE", part);
}

constexpr const char* kLetters = R"({"a":0,"b":1,"ab":2,"##b":3,"a##b":4,"c":5})";

}  // namespace

TEST_CASE("merges must be pairs of tokens whose join is a token") {
  const auto head = [](const char* merges) {
    return std::string(R"("type":"BPE","merges":)") + merges;
  };
  check_refused(head(R"(["a x"])"), kLetters, "model.merges[0]");
  check_refused(head(R"(["a b","b a"])"), kLetters, "\"ba\"");
  check_refused(head(R"(["ab"])"), kLetters, "model.merges[0]");
  check_refused(head(R"(["a b c"])"), kLetters, "model.merges[0]");
  check_refused(head(R"([["a","b","c"]])"), kLetters, "model.merges[0]");
  check_refused(head(R"([["a",1]])"), kLetters, "model.merges[0]");
  check_refused(head(R"([7])"), kLetters, "model.merges[0]");
  check_refused(head(R"({"a":"b"})"), kLetters, "model.merges");
  check_refused(R"("type":"BPE")", kLetters, "merges");
  check_refused(R"("type":"BPE","continuing_subword_prefix":"##","merges":["a b"])", kLetters,
                "longer than the prefix");
  check_refused(head("[]"), R"({"a":0,"b":0})", "id 0");
  check_refused(head("[]"), R"({"a":4294967296})", "4294967296");
}

TEST_CASE("both spellings of merges, and the version line of old files, are read") {
  for (const char* merges : {R"(["#version: 0.2","a b"])", R"([["a","b"]])", R"(["a b"])"}) {
    CAPTURE(merges);
    const std::string head = std::string(R"("type":"BPE","dropout":null,"merges":)") + merges;
    CHECK(BareTokenizer(head, kLetters).load().encode("abba").ids == Ids{2, 1, 0});
    const std::string legacy = std::string(R"("merges":)") + merges;  // no "type"
    CHECK(BareTokenizer(legacy, kLetters).load().encode("abba").ids == Ids{2, 1, 0});
  }
}

TEST_CASE("dropout is refused unless it is none") {
  const auto load = [](const char* dropout) {
    return BareTokenizer(std::string(R"("type":"BPE","merges":["a b"],"dropout":)") + dropout,
                         kLetters)
        .load();
  };
  CHECK(load("0.0").encode("ab").ids == Ids{2});
  WEFT_CHECK_FAILS(load("0.1"), "UNSUPPORTED", "dropout");
  WEFT_CHECK_FAILS(load("\"x\""), "CORRUPT_FILE", "dropout");
}

TEST_CASE("a unigram model's tokens, scores and unknown token must fit") {
  const auto head = [](const char* id) {
    return std::string(R"("type":"Unigram","unk_id":)") + id;
  };
  const std::string vocab = R"([["<unk>",0.0],["a",-1],["b",-2.5]])";
  check_refused(head("3"), vocab, "unk_id");
  check_refused(head("-1"), vocab, "unk_id");
  check_refused(head("0"), R"([["<unk>",0.0],["a",-1],["a",-2.5]])", "vocab[2]");
  check_refused(head("0"), R"([["<unk>",0.0],["a"]])", "vocab[1]");
  check_refused(head("0"), R"([["<unk>",0.0],["a","b"]])", "vocab[1]");
  check_refused(head("0"), R"([["<unk>",null]])", "vocab[0]");
  check_refused(head("0"), "[]", "vocab");
  check_refused(head("0"), R"({"a":0})", "vocab");
  CHECK(BareTokenizer(head("0"), vocab).load().encode("abxyb").ids == Ids{1, 2, 0, 2});
  CHECK(BareTokenizer(R"("unk_id":0)", vocab).load().encode("ax").ids == Ids{1, 0});  // no "type"
  const Tokenizer without = BareTokenizer(head("null"), vocab).load();
  CHECK(without.encode("ab").ids == Ids{1, 2});
  WEFT_CHECK_FAILS(without.encode("ax"), "FAILED_PRECONDITION", "\"x\"");
}

TEST_CASE("an unknown word without an unknown token is an error") {
  const Tokenizer words =
      BareTokenizer(R"("type":"WordLevel","unk_token":"?")", R"({"a":0})").load();
  CHECK(words.encode("a").ids == Ids{0});
  WEFT_CHECK_FAILS(words.encode("b"), "FAILED_PRECONDITION", "\"b\"");
  const Tokenizer pairs =
      BareTokenizer(R"("type":"BPE","unk_token":"?","merges":[])", R"({"a":0})").load();
  WEFT_CHECK_FAILS(pairs.encode("ab"), "FAILED_PRECONDITION", "\"b\"");
  // Without a name for it the character is left out, as in the reference.
  CHECK(BareTokenizer(R"("type":"BPE","merges":[])", R"({"a":0})").load().encode("aba").ids ==
        Ids{0, 0});
}

TEST_CASE("a map of replacements that is cut short or no text is refused") {
  const auto check = [](const char* map, const char* part) {
    SmallTokenizer small;
    small.normalizer =
        std::string(R"({"type":"Precompiled","precompiled_charsmap":")") + map + "\"}";
    CAPTURE(map);
    WEFT_CHECK_FAILS(small.load(), "CORRUPT_FILE", part);
  };
  check("", "trie");
  check("AAA", "base64");
  check("AA=A", "base64");
  check("!!!!", "base64");
  check("AAAAAA==", "trie");           // a trie of no bytes
  check("/////wAAAAA=", "trie");       // longer than the file
  check("BAAAAAAAAAD/AA==", "UTF-8");  // one unit, then a replacement FF
}

TEST_CASE("a normalizer that lets texts grow without bound is refused") {
  SmallTokenizer small;
  small.normalizer = R"({"type":"Prepend","prepend":")" + std::string(65, 'x') + "\"}";
  WEFT_CHECK_FAILS(small.load(), "UNSUPPORTED", "normalizer.prepend");
  small.normalizer =
      R"({"type":"Replace","pattern":{"String":"a"},"content":")" + std::string(65, 'x') + "\"}";
  WEFT_CHECK_FAILS(small.load(), "UNSUPPORTED", "normalizer.content");
}

TEST_CASE("windows need a stride smaller than a window, and something that may be cut") {
  const Tokenizer tokenizer = SmallTokenizer().load();
  TokenizeOptions options;
  options.max_length = 4;
  options.stride = 1;
  const auto windows = tokenizer.encode_windows("a b a b a", options);
  REQUIRE(windows.size() == 4);
  CHECK(windows[0].ids == Ids{1, 3, 4, 2});
  CHECK(windows[0].truncated_tokens == 3);
  CHECK(windows[3].ids == Ids{1, 4, 3, 2});
  CHECK(windows[3].offsets[1] == std::pair{6, 7});
  options.stride = 2;
  WEFT_CHECK_FAILS(tokenizer.encode_windows("a b a b a", options), "INVALID_ARGUMENT", "stride");
  CHECK(tokenizer.encode_windows("a b", options).size() == 1);
  options.truncation = TruncationStrategy::kOnlySecond;
  WEFT_CHECK_FAILS(tokenizer.encode("a b a", options), "INVALID_ARGUMENT", "second text");
  options.max_length = 5;
  options.stride = 0;
  const auto pairs = tokenizer.encode_pair_windows("a b", "a b a", options);
  REQUIRE(pairs.size() == 2);
  CHECK(pairs[0].ids == Ids{3, 4, 2, 3, 4});
  CHECK(pairs[1].ids == Ids{3, 4, 2, 3});
  CHECK(pairs[1].type_ids == Ids{0, 0, 0, 1});
  options.truncation = TruncationStrategy::kOnlyFirst;
  CHECK(tokenizer.encode_pair("a b", "a b a", options).ids == Ids{3, 2, 3, 4, 3});
  options.max_length = 4;
  WEFT_CHECK_FAILS(tokenizer.encode_pair("a b", "a b a", options), "INVALID_ARGUMENT", "second");
}

}  // namespace weft::test
