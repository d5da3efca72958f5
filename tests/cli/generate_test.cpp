// weft generate against what transformers wrote, and its bad usages and inputs.
#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/cli/program.h"
#include "weft/safetensors.h"

namespace weft::test {
namespace {

using nlohmann::json;
using Words = std::vector<std::string>;

/// A workplace with a golden model as `m` and the goldens of what it writes.
struct GenerationPlace {
  Workplace place;
  json golden;

  explicit GenerationPlace(const std::string& name) {
    place.copy_golden("generation/" + name, "m");
    golden = json::parse(place.read("m/cases.json"));
  }

  Words with_texts(Words words) const {
    for (const json& text : golden.at("texts")) words.push_back(text.get<std::string>());
    return words;
  }

  /// Sources as `weft run` takes them.
  void write_sources(const std::string& file) const {
    std::vector<std::int64_t> ids, offsets{0};
    for (const json& source : golden.at("sources")) {
      for (const json& id : source) ids.push_back(id.get<std::int64_t>());
      offsets.push_back(static_cast<std::int64_t>(ids.size()));
    }
    NamedArrays inputs;
    const auto put = [&](const char* name, const std::vector<std::int64_t>& values) {
      Array& array = inputs[name] = Array(DType::kI64, {static_cast<std::int64_t>(values.size())});
      std::copy(values.begin(), values.end(), array.values<std::int64_t>().begin());
    };
    put("input_ids", ids);
    put("offsets", offsets);
    write_safetensors(place.path() / file, inputs);
  }
};

void check_failure(const Workplace& place, const Words& words, int exit_code,
                   const std::vector<std::string>& words_in_error) {
  const std::vector<std::string> before = place.entries();
  CHECK(not_a_clean_failure(place, before, weft(place, words), exit_code, words_in_error) == "");
}

}  // namespace

TEST_CASE("generate prints a line per text, as transformers' tokenizers decode it") {
  for (const char* model : {"marian", "bart", "t5"}) {
    CAPTURE(model);
    const GenerationPlace task(model);
    std::string expected, file;
    for (const json& text : task.golden.at("generated")) expected += text.get<std::string>() + '\n';
    for (const json& text : task.golden.at("texts")) file += text.get<std::string>() + '\n';
    const Outcome given = weft(task.place, task.with_texts({"generate", "m"}));
    CHECK(given.exit_code == 0);
    CHECK(given.out == expected);
    CHECK(given.err == "");
    task.place.write("texts.txt", file);
    CHECK(weft(task.place, {"generate", "m", "--input", "texts.txt"}).out == expected);
    CHECK(weft(task.place, {"generate", "m", "--input", "-"}, {.input = file}).out == expected);
  }
}

TEST_CASE("generate --json gives texts and tokens; flags win over generation_config.json") {
  const GenerationPlace task("marian");
  const Outcome outcome = weft(task.place, task.with_texts({"generate", "m", "--json"}));
  REQUIRE(outcome.exit_code == 0);
  std::size_t begin = 0, index = 0;
  for (std::size_t end; (end = outcome.out.find('\n', begin)) != std::string::npos;
       begin = end + 1, ++index) {
    const json line = json::parse(outcome.out.substr(begin, end - begin));
    CHECK(line.at("index") == index);
    CHECK(line.at("text") == task.golden.at("generated").at(index));
    CHECK(line.at("tokens") == task.golden.at("text_sequences").at(index));
  }
  CHECK(index == task.golden.at("texts").size());
  const Outcome flags = weft(
      task.place, {"generate", "m", "a long thread", "--json", "--max-length=4", "--beams", "1"});
  REQUIRE(flags.exit_code == 0);
  CHECK(json::parse(flags.out).at("tokens").size() <= 4);
}

TEST_CASE("generate reads and writes safetensors, without a tokenizer") {
  for (const char* model : {"marian", "bart", "t5"}) {
    CAPTURE(model);
    const GenerationPlace task(model);
    std::filesystem::remove(task.place.path() / "m/tokenizer.json");
    std::filesystem::remove(task.place.path() / "m/tokenizer_config.json");
    task.write_sources("in.safetensors");
    for (const json& one : task.golden.at("cases")) {
      const json& config = one.at("config");
      if (config.at("num_beams") == 2) continue;
      task.place.write("m/generation_config.json", config.dump());
      // --beams 1 is greedy whatever the file says, and asks for nothing else where it says 1.
      const std::string beams = config.at("num_beams").dump();
      const Outcome outcome =
          weft(task.place, {"generate", "m", "--input", "in.safetensors", "--output",
                            "out.safetensors", "--beams", beams, "--threads", "2"});
      REQUIRE_MESSAGE(outcome.exit_code == 0, outcome.err);
      CHECK(outcome.out == "");
      const NamedArrays out = read_safetensors(task.place.path() / "out.safetensors");
      const Array& sequences = out.at("sequences");
      const std::int64_t length = config.contains("max_new_tokens")
                                      ? config.at("max_new_tokens").get<std::int64_t>() + 1
                                      : config.at("max_length").get<std::int64_t>();
      const json& expected = one.at("sequences");
      REQUIRE(sequences.dtype == DType::kI64);
      REQUIRE(sequences.shape ==
              std::vector<std::int64_t>{static_cast<std::int64_t>(expected.size()), length});
      const auto found = sequences.values<std::int64_t>();
      for (std::size_t i = 0; i < expected.size(); ++i) {
        for (std::size_t t = 0; t < static_cast<std::size_t>(length); ++t) {
          const json token = t < expected[i].size() ? expected[i][t] : config.at("pad_token_id");
          CHECK(found[i * static_cast<std::size_t>(length) + t] == token.get<std::int64_t>());
        }
      }
    }
  }
}

TEST_CASE("generate refuses wrong usage, bad options and bad files, leaving nothing behind") {
  const GenerationPlace task("bart");
  task.write_sources("in.safetensors");
  const auto refuse = [&](const Words& more, int exit_code, const Words& named) {
    Words words{"generate"};
    words.insert(words.end(), more.begin(), more.end());
    check_failure(task.place, words, exit_code, named);
  };
  const Words ids{"m", "--input", "in.safetensors", "--output", "out.safetensors"};
  const auto with_ids = [&](const Words& more) {
    Words words = ids;
    words.insert(words.end(), more.begin(), more.end());
    return words;
  };
  refuse({}, 2, {"MODEL_DIR"});
  refuse({"m"}, 2, {"TEXT", "--input"});
  refuse({"m", "a", "--beams", "0"}, 2, {"--beams", "0"});
  refuse({"m", "a", "--beams", "x"}, 2, {"--beams", "x"});
  refuse({"m", "a", "--max-length", "1"}, 2, {"--max-length", "1"});
  refuse({"m", "a", "--max-length", "-4"}, 2, {"--max-length", "-4"});
  refuse({"m", "a", "--threads", "0"}, 2, {"--threads", "0"});
  refuse({"m", "a", "--output", "out.safetensors"}, 2, {"MODEL_DIR"});
  refuse({"m", "--input", "in.safetensors"}, 2, {"--output"});
  refuse(with_ids({"--json"}), 2, {"--json"});
  refuse(with_ids({"a text"}), 2, {"MODEL_DIR"});
  refuse({"m", "--input", "none.safetensors", "--output", "out.safetensors"}, 1,
         {"none.safetensors"});
  refuse({"m", "--input", "in.safetensors", "--output", "no/out.safetensors"}, 1, {"no"});
  refuse({"m", "a", "--max-length", "500", "--dtype", "f16"}, 2, {"--dtype", "f16"});
  task.place.copy_golden("bert/relu_five_heads", "bert");
  refuse({"bert", "a"}, 1, {"model_type"});
  task.place.write("m/generation_config.json",
                   R"({"decoder_start_token_id": 2, "do_sample": true})");
  refuse(ids, 1, {"generation_config.json", "do_sample"});
  task.place.write("m/generation_config.json",
                   R"({"decoder_start_token_id": 2, "num_beams": "four"})");
  refuse(ids, 1, {"generation_config.json", "num_beams", "four"});
  task.place.write("m/generation_config.json", R"({"decoder_start_token_id": 2)");
  refuse(ids, 1, {"generation_config.json"});
}

TEST_CASE("generate tells how many texts were cut, or refuses them") {
  const GenerationPlace task("bart");
  std::string text;
  for (int i = 0; i < 60; ++i) text += "wool ";
  const Outcome cut = weft(task.place, {"generate", "m", text, "loom"});
  CHECK(cut.exit_code == 0);
  CHECK(cut.err == "weft: 1 of 2 texts were longer than 48 tokens and were cut\n");
  check_failure(task.place, {"generate", "m", "loom", text, "--long-text", "error"}, 1,
                {"text 1", "48 tokens"});
}

}  // namespace weft::test
