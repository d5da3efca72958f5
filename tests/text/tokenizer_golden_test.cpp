#include <doctest/doctest.h>

#include "tests/text/golden.h"

namespace weft::test {
namespace {

struct GoldenRun {
  std::string case_name, name, kind, detail;
  TokenizeOptions options;
};

GoldenRun read_run(const Json& json) {
  GoldenRun run;
  run.case_name = json.find("case")->as_string();
  run.name = json.find("name")->as_string();
  run.kind = json.find("kind")->as_string();
  run.detail = json.find("detail")->as_string();
  run.options.max_length = json.find("max_length")->as_integer();
  run.options.specials_in_text = json.find("specials")->as_string() == "text"
                                     ? SpecialsInText::kAsText
                                     : SpecialsInText::kParse;
  return run;
}

Encoding encode(const Tokenizer& tokenizer, const Json& text, const TokenizeOptions& options) {
  if (!text.is_array()) return tokenizer.encode(text.as_string(), options);
  return tokenizer.encode_pair(text.items()[0].as_string(), text.items()[1].as_string(), options);
}

}  // namespace

TEST_CASE("every golden text gets the reference's ids, type ids and offsets") {
  const Json index = golden_json("index.json");
  std::size_t runs = 0, texts_seen = 0;
  for (const Json& item : index.items()) {
    const GoldenRun run = read_run(item);
    CAPTURE(run.case_name);
    CAPTURE(run.name);
    const auto directory = tokenizer_goldens() / run.case_name;
    const Tokenizer tokenizer = Tokenizer::load(directory);
    const Json texts = golden_json(run.kind == "single" ? "texts.json"
                                   : run.kind == "pair" ? "pairs.json"
                                                        : "added.json");
    const auto expected = golden_lines(directory / (run.name + ".txt"));
    REQUIRE(expected.size() == texts.items().size());
    int reported = 0;
    for (std::size_t i = 0; i < expected.size() && reported < 5; ++i, ++texts_seen) {
      const std::string line = line_of(encode(tokenizer, texts.items()[i], run.options));
      const std::string found = run.detail == "full" ? line : digest(line);
      if (found == expected[i]) continue;
      ++reported;
      CAPTURE(i);
      CAPTURE(line);
      CHECK(found == expected[i]);
    }
    CHECK(reported == 0);
    ++runs;
  }
  CHECK(runs >= 30);
  CHECK(texts_seen >= 30000);
}

TEST_CASE("without offsets the ids are the same and no offsets are given") {
  const Json texts = golden_json("texts.json");
  const Tokenizer tokenizer = Tokenizer::load(tokenizer_goldens() / "uncased");
  TokenizeOptions options;
  Encoding bare;
  for (const Json& text : texts.items()) {
    options.want_offsets = true;
    const Encoding full = tokenizer.encode(text.as_string(), options);
    options.want_offsets = false;
    tokenizer.encode(text.as_string(), options, bare);  // memory reused
    REQUIRE(bare.ids == full.ids);
    REQUIRE(bare.type_ids == full.type_ids);
    REQUIRE(bare.offsets.empty());
    REQUIRE(bare.byte_offsets.empty());
  }
}

}  // namespace weft::test
