#include "runtime/generation/search.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>

#include "runtime/files.h"
#include "runtime/json.h"
#include "tests/failure.h"
#include "tests/isa_under_test.h"
#include "tests/paths.h"
#include "tests/runtime/hashed_decoder.h"

namespace weft::test {
namespace {

struct SearchCase {
  HashedScores scores;
  std::int64_t sources = 0;
  GenerationConfig config;
  std::vector<std::vector<std::int32_t>> expected;
  std::string text;  // for messages

  HashedDecoder decoder(std::vector<std::uint64_t> sources_of_it) const {
    return {scores, std::move(sources_of_it), config.max_length - 1};
  }
};

std::vector<std::uint64_t> numbers(std::int64_t count) {
  std::vector<std::uint64_t> sources;
  for (std::int64_t i = 0; i < count; ++i) sources.push_back(static_cast<std::uint64_t>(i));
  return sources;
}

float number(const Json& object, std::string_view key) {
  return static_cast<float>(object.find(key)->as_number());
}

std::vector<SearchCase> read_cases() {
  const std::filesystem::path file = golden("generation") / "search.json";
  const Json list = Json::parse(read_text_file(file, 1 << 22), "search.json");
  std::vector<SearchCase> cases;
  for (const Json& item : list.items()) {
    SearchCase one;
    one.scores.vocabulary = item.find("vocabulary")->as_integer();
    one.scores.seed = static_cast<std::uint64_t>(item.find("seed")->as_integer());
    one.scores.spread = number(item, "spread");
    one.scores.tilt = number(item, "tilt");
    one.sources = item.find("sources")->as_integer();
    const GenerationFiles files(Config(*item.find("config"), "generation_config.json"),
                                Config(Json::parse("{}", "config.json"), "config.json"));
    one.config = files.resolve(one.scores.vocabulary);
    one.scores.end_tokens = one.config.end_tokens;
    for (const Json& row : item.find("sequences")->items()) {
      one.expected.emplace_back();
      for (const Json& token : row.items()) {
        one.expected.back().push_back(static_cast<std::int32_t>(token.as_integer()));
      }
    }
    for (const auto& [key, value] : item.find("config")->members()) {
      one.text += key + "=" + value.preview() + " ";
    }
    cases.push_back(std::move(one));
  }
  return cases;
}

const std::vector<SearchCase>& cases() {
  static const std::vector<SearchCase> all = read_cases();
  return all;
}

std::vector<std::int32_t> text_of(const GeneratedTokens& found, std::int64_t source) {
  const auto row = found.row(source);
  return {row.begin(), row.end()};
}

// A plain case: sources of 30 words whose ends come at different times.
SearchCase plain_case(std::int64_t beams) {
  SearchCase one;
  one.scores = {30, 77, 6.0f, 0.4f, {1}};
  one.config.max_length = 16;
  one.config.beams = beams;
  one.config.start_token = 2;
  one.config.end_tokens = {1};
  return one;
}

}  // namespace

TEST_CASE("greedy and beam search find what transformers finds") {
  REQUIRE(cases().size() > 300);
  for (const SearchCase& one : cases()) {
    CAPTURE(one.text);
    CAPTURE(one.scores.seed);
    HashedDecoder decoder = one.decoder(numbers(one.sources));
    const GeneratedTokens found = search(decoder, one.config, isa_under_test());
    REQUIRE(found.max_length == one.config.max_length);
    REQUIRE(static_cast<std::int64_t>(found.tokens.size()) == one.sources * found.max_length);
    for (std::int64_t source = 0; source < one.sources; ++source) {
      CAPTURE(source);
      CHECK(text_of(found, source) == one.expected[static_cast<std::size_t>(source)]);
      for (std::int64_t i = found.lengths[source]; i < found.max_length; ++i) {
        CHECK(found.tokens[source * found.max_length + i] == one.config.pad_token);
      }
    }
  }
}

TEST_CASE("a source's text is the same alone, among others and in any order") {
  for (const SearchCase& one : cases()) {
    CAPTURE(one.text);
    std::vector<std::uint64_t> backwards = numbers(one.sources);
    std::reverse(backwards.begin(), backwards.end());
    HashedDecoder turned = one.decoder(backwards);
    const GeneratedTokens found = search(turned, one.config, isa_under_test());
    for (std::int64_t source = 0; source < one.sources; ++source) {
      const auto number = static_cast<std::size_t>(one.sources - 1 - source);
      CHECK(text_of(found, source) == one.expected[number]);
      HashedDecoder alone = one.decoder({number});
      CHECK(text_of(search(alone, one.config, isa_under_test()), 0) == one.expected[number]);
    }
  }
}

TEST_CASE("a source whose text has ended takes no part in further steps") {
  for (const std::int64_t beams : {1, 4}) {
    const SearchCase one = plain_case(beams);
    HashedDecoder all = one.decoder(numbers(12));
    const GeneratedTokens found = search(all, one.config, isa_under_test());
    std::int64_t rows = 0, steps = 0;
    for (const std::uint64_t source : numbers(12)) {
      HashedDecoder alone = one.decoder({source});
      search(alone, one.config, isa_under_test());
      rows += alone.rows();
      steps = std::max(steps, alone.steps());
      if (beams == 1) {
        CHECK(alone.rows() == found.lengths[static_cast<std::size_t>(source)] - 1);
      }
    }
    CHECK(all.rows() == rows);
    CHECK(all.steps() == steps);
    CHECK(*std::min_element(found.lengths.begin(), found.lengths.end()) <
          *std::max_element(found.lengths.begin(), found.lengths.end()));
  }
}

TEST_CASE("no sources give no rows") {
  const SearchCase one = plain_case(3);
  HashedDecoder decoder = one.decoder({});
  const GeneratedTokens found = search(decoder, one.config, isa_under_test());
  CHECK(found.tokens.empty());
  CHECK(found.max_length == 16);
}

TEST_CASE("a text that needs more steps than the model has is an error, one that ends is not") {
  for (const std::int64_t beams : {1, 2}) {
    SearchCase one = plain_case(beams);
    HashedDecoder ample = one.decoder(numbers(3));
    const GeneratedTokens found = search(ample, one.config, isa_under_test());
    HashedDecoder enough(one.scores, numbers(3), ample.steps());
    CHECK(search(enough, one.config, isa_under_test()).tokens == found.tokens);
    HashedDecoder short_one(one.scores, numbers(3), ample.steps() - 1);
    WEFT_CHECK_FAILS(search(short_one, one.config, isa_under_test()), "OUT_OF_RANGE",
                     "max_length: source ");
  }
}

TEST_CASE("scores that are NaN are an error that names the source") {
  for (const std::int64_t beams : {1, 2}) {
    const SearchCase one = plain_case(beams);
    HashedDecoder decoder = one.decoder(numbers(2));
    decoder.plant(29, std::numeric_limits<float>::quiet_NaN());
    WEFT_CHECK_FAILS(search(decoder, one.config, isa_under_test()), "INVALID_ARGUMENT",
                     "source 0: expected finite scores of token 1");
  }
}

TEST_CASE("a token that the model itself makes impossible is never chosen") {
  for (const std::int64_t beams : {1, 3}) {
    const SearchCase one = plain_case(beams);
    HashedDecoder decoder = one.decoder(numbers(6));
    decoder.plant(1, -std::numeric_limits<float>::infinity());
    const GeneratedTokens found = search(decoder, one.config, isa_under_test());
    for (const std::int64_t length : found.lengths) CHECK(length == 16);
  }
}

TEST_CASE("equal scores go to the smaller token") {
  SearchCase one = plain_case(1);
  one.scores.spread = 0;
  one.scores.tilt = 0;
  HashedDecoder decoder = one.decoder(numbers(1));
  const GeneratedTokens found = search(decoder, one.config, isa_under_test());
  for (std::size_t i = 1; i < found.tokens.size(); ++i) CHECK(found.tokens[i] == 0);
}

}  // namespace weft::test
