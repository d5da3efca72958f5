// Broken and hostile tokenizer files: what each is refused with.
#include <doctest/doctest.h>

#include "tests/failure.h"
#include "tests/text/small_tokenizer.h"

namespace weft::test {
namespace {

using Field = std::string SmallTokenizer::*;

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

// Loading with `from` in one field replaced by `to`.
void check_refused(Field field, const std::string& from, const std::string& to,
                   const std::string& reason, const std::string& part) {
  SmallTokenizer small;
  small.*field = replaced(small.*field, from, to);
  CAPTURE(to);
  WEFT_CHECK_FAILS(small.load(), reason, part);
}

}  // namespace

TEST_CASE("a vocabulary's ids must be unique and fit the ids of a model") {
  const Field vocab = &SmallTokenizer::vocab;
  for (const char* id : {"-1", "4294967296", "4294967295", "2147483647", "1.5", "\"3\"", "null"}) {
    check_refused(vocab, "\"a\":3", std::string("\"a\":") + id, "CORRUPT_FILE", "model.vocab");
  }
  check_refused(vocab, "\"a\":3", "\"a\":3,\"a\":11", "CORRUPT_FILE", "a");
  check_refused(vocab, "\"a\":3", "\"a\":4", "CORRUPT_FILE", "id 4");
  SmallTokenizer small;
  small.vocab = "{}";
  WEFT_CHECK_FAILS(small.load(), "CORRUPT_FILE", "model.vocab");
  small.vocab = "[\"a\"]";
  WEFT_CHECK_FAILS(small.load(), "CORRUPT_FILE", "model.vocab");
}

TEST_CASE("a template may only name special tokens that exist") {
  const Field processor = &SmallTokenizer::post_processor;
  check_refused(processor, "\"id\":\"[SEP]\",\"type_id\"", "\"id\":\"[EOS]\",\"type_id\"",
                "CORRUPT_FILE", "[EOS]");
  check_refused(processor, "\"ids\":[1]", "\"ids\":[99]", "CORRUPT_FILE", "99");
  check_refused(processor, "\"ids\":[1]", "\"ids\":[1,2]", "CORRUPT_FILE", "special_tokens.[CLS]");
  check_refused(processor, "\"tokens\":[\"[CLS]\"]", "\"tokens\":[\"<s>\"]", "CORRUPT_FILE", "<s>");
  check_refused(processor, "{\"id\":\"B\",\"type_id\":1}", "{\"id\":\"A\",\"type_id\":1}",
                "CORRUPT_FILE", "post_processor.pair");
  check_refused(processor, "{\"id\":\"A\",\"type_id\":0}", "{\"id\":\"B\",\"type_id\":0}",
                "CORRUPT_FILE", "post_processor.single");
  check_refused(processor, "\"type_id\":0", "\"type_id\":-1", "CORRUPT_FILE", "type_id");
}

TEST_CASE("an added token has the id that the reference gives it") {
  const Field added = &SmallTokenizer::added_tokens;
  check_refused(added, "\"id\":2", "\"id\":3", "CORRUPT_FILE", "[SEP]");
  check_refused(added, "\"id\":2,\"content\":\"[SEP]\"", "\"id\":12,\"content\":\"<x>\"",
                "CORRUPT_FILE", "expected id 11");
  check_refused(added, "\"id\":2,\"content\":\"[SEP]\"", "\"id\":1,\"content\":\"[CLS]\"",
                "CORRUPT_FILE", "twice");
  check_refused(added, "\"lstrip\":false,", "", "CORRUPT_FILE", "lstrip");
  SmallTokenizer holes;  // the next free id by count is 11, and taken
  holes.vocab = replaced(holes.vocab, "\"b\":4", "\"b\":11");
  holes.added_tokens = replaced(holes.added_tokens, "\"id\":2,\"content\":\"[SEP]\"",
                                "\"id\":11,\"content\":\"<x>\"");
  WEFT_CHECK_FAILS(holes.load(), "CORRUPT_FILE", "id 11");
}

TEST_CASE("a component that is not supported is named") {
  const auto refuse = [](Field field, const std::string& value, const std::string& part) {
    SmallTokenizer small;
    small.*field = value;
    WEFT_CHECK_FAILS(small.load(), "UNSUPPORTED", part);
  };
  refuse(&SmallTokenizer::normalizer, R"({"type":"Capitalize"})", "\"Capitalize\"");
  refuse(&SmallTokenizer::normalizer,
         R"({"type":"Sequence","normalizers":[{"type":"NFC"},{"type":"Nfx"}]})", "normalizers[1]");
  refuse(&SmallTokenizer::pre_tokenizer, R"({"type":"FixedLength"})", "\"FixedLength\"");
  refuse(&SmallTokenizer::pre_tokenizer, R"({"type":"Punctuation","behavior":"Doubled"})",
         "Doubled");
  refuse(&SmallTokenizer::pre_tokenizer,
         R"({"type":"Split","pattern":{"Regex":"(a|b)*c"},"behavior":"Isolated","invert":false})",
         "\"(a|b)*c\"");
  refuse(&SmallTokenizer::post_processor, R"({"type":"Padding"})", "\"Padding\"");
  refuse(&SmallTokenizer::decoder,
         R"({"type":"CTC","pad_token":"<pad>","word_delimiter_token":"|","cleanup":true})",
         "\"CTC\"");
  refuse(&SmallTokenizer::model_head, R"("type":"Morphemes")", "\"Morphemes\"");
  refuse(&SmallTokenizer::head, R"("version":"2.0")", "\"2.0\"");
}

TEST_CASE("fields of another kind or missing are refused by name") {
  check_refused(&SmallTokenizer::normalizer, "\"lowercase\":true", "\"lowercase\":1",
                "CORRUPT_FILE", "normalizer.lowercase");
  check_refused(&SmallTokenizer::normalizer, ",\"lowercase\":true", "", "CORRUPT_FILE",
                "lowercase");
  check_refused(&SmallTokenizer::model_head, ",\"max_input_chars_per_word\":100", "",
                "CORRUPT_FILE", "max_input_chars_per_word");
  check_refused(&SmallTokenizer::model_head, ":100", ":-1", "CORRUPT_FILE",
                "max_input_chars_per_word");
  SmallTokenizer small;
  small.pre_tokenizer = "[]";
  WEFT_CHECK_FAILS(small.load(), "CORRUPT_FILE", "pre_tokenizer");
  const TemporaryDirectory empty;
  WEFT_CHECK_FAILS(Tokenizer::load(empty.path()), "NOT_FOUND", "tokenizer.json");
  empty.write("vocab.txt", "[PAD]\n");
  WEFT_CHECK_FAILS(Tokenizer::load(empty.path()), "UNSUPPORTED",
                   "expected tokenizer.json, found only vocab.txt");
}

TEST_CASE("a model without a type is known by its fields") {
  SmallTokenizer small;
  small.model_head = replaced(small.model_head, "\"type\":\"WordPiece\",", "");
  CHECK(small.load().encode("ab").ids == std::vector<std::int32_t>{1, 3, 6, 2});
}

TEST_CASE("only model_max_length of tokenizer_config.json counts") {
  SmallTokenizer small;
  small.head = R"("version":"1.0","truncation":{"direction":"Right","max_length":7,)"
               R"("strategy":"LongestFirst","stride":0},"padding":{"strategy":{"Fixed":9}})";
  const TemporaryDirectory directory;
  directory.write("tokenizer.json", small.json());
  const auto load = [&directory](const char* config) {
    directory.write("tokenizer_config.json", config);
    return Tokenizer::load(directory.path());
  };
  CHECK(Tokenizer::load(directory.path()).default_max_length() == 7);
  CHECK_FALSE(Tokenizer::load(directory.path()).model_max_length().has_value());
  CHECK(load("{\"model_max_length\":512,\"do_lower_case\":false}").default_max_length() == 512);
  CHECK(load("{\"model_max_length\":512.0}").model_max_length() == 512);
  CHECK(load("{\"do_lower_case\":false}").default_max_length() == 7);
  CHECK(load("{\"model_max_length\":null}").default_max_length() == 7);
  for (const char* none : {"1e30", "1000000000000000019884624838656"}) {
    const Tokenizer tokenizer = load(("{\"model_max_length\":" + std::string(none) + "}").c_str());
    CHECK_FALSE(tokenizer.model_max_length().has_value());
    CHECK_FALSE(tokenizer.default_max_length().has_value());
  }
  CHECK(load("{\"do_lower_case\":false}").encode("A").ids == std::vector<std::int32_t>{1, 3, 2});
  for (const char* broken : {"", "{", "[]", "{\"model_max_length\":\"512\"}",
                             "{\"model_max_length\":0}", "{\"model_max_length\":1.5}"}) {
    CAPTURE(broken);
    WEFT_CHECK_FAILS(load(broken), "CORRUPT_FILE", "tokenizer_config.json");
  }
}

}  // namespace weft::test
