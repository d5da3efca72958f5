// weft tokenize against the `tokenizers` package (0.23), whose answers are quoted here.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "tests/cli/program.h"
#include "tests/paths.h"

namespace weft::test {
namespace {

/// Only the tokenizer's files of a golden model.
struct TokenizerPlace : Workplace {
  TokenizerPlace() {
    std::filesystem::create_directory(path() / "m");
    for (const char* name : {"tokenizer.json", "tokenizer_config.json"}) {
      std::filesystem::copy(golden_model() / name, path() / "m" / name);
    }
  }
  static std::filesystem::path golden_model() { return golden("sentence/old_generation"); }
};

}  // namespace

TEST_CASE("tokenize answers every line with ids, types and character offsets") {
  const TokenizerPlace place;
  const Outcome outcome = weft(place, {"tokenize", "m"},
                               {.input = "\"Red wool.\"\n"
                                         "\"\"\n"
                                         " [\"red\", \"blue cloth\"] \n"
                                         "\"\\u00c9toffe [SEP] \xe6\x97\xa5\xe6\x9c\xac\""});
  CHECK(outcome.exit_code == 0);
  CHECK(outcome.err == "");
  CHECK(outcome.out ==
        R"({"input_ids":[2,19,14,75,3],"token_type_ids":[0,0,0,0,0],)"
        R"("offsets":[[0,0],[0,3],[4,8],[8,9],[0,0]]})"
        "\n"
        R"({"input_ids":[2,3],"token_type_ids":[0,0],"offsets":[[0,0],[0,0]]})"
        "\n"
        R"({"input_ids":[2,19,3,20,21,3],"token_type_ids":[0,0,0,1,1,1],)"
        R"("offsets":[[0,0],[0,3],[0,0],[0,4],[5,10],[0,0]]})"
        "\n"
        R"({"input_ids":[2,22,68,63,54,54,53,3,1,1,3],)"
        R"("token_type_ids":[0,0,0,0,0,0,0,0,0,0,0],"offsets":[[0,0],[0,1],[1,2],[2,3],[3,4],)"
        R"([4,5],[5,6],[7,12],[13,14],[14,15],[0,0]]})"
        "\n");
}

TEST_CASE("tokenize cuts at model_max_length, pairs longest first, and tells how many") {
  const TokenizerPlace place;
  std::string many = "\"";
  for (int i = 0; i < 40; ++i) many += "long ";
  many += '"';
  const std::string input = many + "\n[" + many + ",\"red thread\"]\n[\"red\"," + many + "]\n";
  const auto ids_of = [&](const std::vector<std::string>& words, int line) {
    const Outcome outcome = weft(place, words, {.input = input});
    REQUIRE_MESSAGE(outcome.exit_code == 0, outcome.err);
    std::size_t begin = 0;
    for (int i = 0; i < line; ++i) begin = outcome.out.find('\n', begin) + 1;
    const auto object =
        nlohmann::json::parse(outcome.out.substr(begin, outcome.out.find('\n', begin) - begin));
    CHECK(object.at("input_ids").size() == object.at("offsets").size());
    return object.at("input_ids").get<std::vector<int>>();
  };
  std::vector<int> expected(32, 13);
  expected.front() = 2;
  expected.back() = 3;
  CHECK(ids_of({"tokenize", "m"}, 0) == expected);
  const std::vector<int> end_of_pair = {3, 19, 9, 3};
  std::copy(end_of_pair.begin(), end_of_pair.end(), expected.end() - 4);
  CHECK(ids_of({"tokenize", "m"}, 1) == expected);
  CHECK(ids_of({"tokenize", "m", "--no-truncation"}, 0).size() == 42);
  CHECK(weft(place, {"tokenize", "m"}, {.input = input}).err.find("3 of 3") != std::string::npos);
  // 1e30 is how transformers writes that there is no limit.
  place.write("m/tokenizer_config.json", "{\"model_max_length\": 1000000000000000019884624838656}");
  CHECK(ids_of({"tokenize", "m"}, 0).size() == 42);
  std::filesystem::remove(place.path() / "m/tokenizer_config.json");
  CHECK(ids_of({"tokenize", "m"}, 0).size() == 42);
}

TEST_CASE("tokenize refuses other lines by their number, with nothing on stdout") {
  const TokenizerPlace place;
  for (const std::string line :
       {"red", "", "7", "null", "{\"text\":\"red\"}", "[\"red\"]", "[\"a\",\"b\",\"c\"]",
        "[\"a\",7]", "[[\"a\",\"b\"]]", "\"a\" \"b\"", "\"\xc0\xaf\"", "\"\\ud800\""}) {
    CAPTURE(line);
    const auto before = place.entries();
    const Outcome outcome =
        weft(place, {"tokenize", "m"}, {.input = "\"red\"\n\"blue\"\n" + line + "\n\"wool\"\n"});
    CHECK(not_a_clean_failure(place, before, outcome, 1, {"line 3"}) == "");
  }
}

TEST_CASE("a broken line after megabytes of good ones leaves stdout empty") {
  const TokenizerPlace place;
  std::string input;
  for (int i = 0; i < 100'000; ++i) input += "\"the red thread of the loom\"\n";
  const auto before = place.entries();
  CHECK(not_a_clean_failure(place, before,
                            weft(place, {"tokenize", "m"}, {.input = input + "broken\n"}), 1,
                            {"line 100001"}) == "");
  const Outcome good = weft(place, {"tokenize", "m"}, {.input = input});
  CHECK(good.exit_code == 0);
  REQUIRE(good.out.size() > 10'000'000);
  const std::string first = good.out.substr(0, good.out.find('\n') + 1);
  REQUIRE(good.out.size() == first.size() * 100'000);
  CHECK(good.out.compare(good.out.size() - first.size(), first.size(), first) == 0);
  CHECK(good.peak_kilobytes < 60'000);
}

TEST_CASE("tokenize needs tokenizer.json and nothing else") {
  const TokenizerPlace place;
  place.write("m/config.json", "{\"model_type\": \"of another world\"}");
  CHECK(weft(place, {"tokenize", "m"}, {.input = "\"red\""}).exit_code == 0);
  std::filesystem::remove(place.path() / "m/tokenizer.json");
  const auto before = place.entries();
  CHECK(not_a_clean_failure(place, before, weft(place, {"tokenize", "m"}, {.input = "\"red\""}), 1,
                            {"tokenizer.json"}) == "");
}

}  // namespace weft::test
