// weft info and weft bench: what machines read of them.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/cli/program.h"
#include "tests/runtime/golden.h"
#include "weft/safetensors.h"

namespace weft::test {
namespace {

using nlohmann::json;

std::string last_line(const std::string& text) {
  REQUIRE(text.size() > 1);
  REQUIRE(text.back() == '\n');
  const std::size_t before = text.find_last_of('\n', text.size() - 2);
  return text.substr(before == std::string::npos ? 0 : before + 1);
}

}  // namespace

TEST_CASE("info tells a model's shape and memory, as a table and as JSON, without a tokenizer") {
  const Workplace place;
  place.copy_golden("bert/gelu_new", "m");
  const json config = json::parse(place.read("m/config.json"));
  const Outcome machine = weft(place, {"info", "m", "--json", "--threads", "3"});
  REQUIRE_MESSAGE(machine.exit_code == 0, machine.err);
  const json info = json::parse(machine.out);
  CHECK(info.at("architecture") == "bert");
  CHECK(info.at("layers") == config.at("num_hidden_layers"));
  CHECK(info.at("hidden_size") == config.at("hidden_size"));
  CHECK(info.at("heads") == config.at("num_attention_heads"));
  CHECK(info.at("intermediate_size") == config.at("intermediate_size"));
  CHECK(info.at("vocabulary_size") == config.at("vocab_size"));
  CHECK(info.at("max_tokens") == config.at("max_position_embeddings"));
  CHECK(info.at("compute_dtype") == "f32");
  CHECK(info.at("compute_dtype_reason") == "");
  CHECK(info.at("attention_dtype") == "f32");
  CHECK(info.at("attention_dtype_reason") == "");
  CHECK(info.at("kernels").size() == 1);
  CHECK(info.at("threads") == 3);
  CHECK(info.at("packed_bytes") > 0);
  CHECK(info.at("parameters") > 0);

  const Outcome small = weft(place, {"info", "m", "--json", "--max-tokens", "1000"});
  const Outcome large = weft(place, {"info", "m", "--json", "--max-tokens", "100000"});
  CHECK(json::parse(large.out).at("session_bytes") > json::parse(small.out).at("session_bytes"));

  const Outcome people = weft(place, {"info", "m"});
  CHECK(people.exit_code == 0);
  for (const char* words : {"bert", "hidden 48", "instruction set", "memory"}) {
    CHECK_MESSAGE(people.out.find(words) != std::string::npos, people.out);
  }
}

TEST_CASE("bench speaks the engine protocol") {
  const Workplace place;
  place.copy_golden("bert/gelu_new", "m");
  const NamedArrays input = read_safetensors(place.path() / "m/ragged.input.safetensors");
  // The protocol has no token types, so the states to compare with are those of all-zero types.
  write_safetensors(place.path() / "w",
                    {{"ids", input.at("input_ids")}, {"offsets", input.at("offsets")}});
  write_safetensors(place.path() / "in",
                    {{"input_ids", input.at("input_ids")}, {"offsets", input.at("offsets")}});
  REQUIRE(weft(place, {"run", "m", "--input", "in", "--output", "states"}).exit_code == 0);
  const Outcome outcome =
      weft(place, {"bench", "--model", "m", "--workload", "w", "--dtype", "f32", "--threads", "2",
                   "--min-runs", "5", "--min-seconds", "60", "--out", "emb"});
  REQUIRE_MESSAGE(outcome.exit_code == 0, outcome.err);
  const json line = json::parse(last_line(outcome.out));
  CHECK(line.size() == 2);
  REQUIRE(line.at("times_s").size() == 5);
  for (const double seconds : line.at("times_s")) CHECK((seconds > 0 && seconds < 60));
  CHECK(line.at("info").is_object());

  const NamedArrays written = read_safetensors(place.path() / "emb");
  REQUIRE(written.size() == 1);
  const Array states = read_safetensors(place.path() / "states").at("last_hidden_state");
  const auto offsets = input.at("offsets").values<std::int64_t>();
  const auto rows = states.values<float>();
  const std::int64_t hidden = states.shape.at(1);
  Array means(DType::kF32, {std::ssize(offsets) - 1, hidden});
  for (std::size_t i = 0; i + 1 < offsets.size(); ++i) {
    for (std::int64_t column = 0; column < hidden; ++column) {
      double sum = 0;
      for (std::int64_t row = offsets[i]; row < offsets[i + 1]; ++row) {
        sum += static_cast<double>(rows[static_cast<std::size_t>(row * hidden + column)]);
      }
      means.values<float>()[i * static_cast<std::size_t>(hidden) +
                            static_cast<std::size_t>(column)] =
          static_cast<float>(sum / static_cast<double>(offsets[i + 1] - offsets[i]));
    }
  }
  CHECK(difference(means, written.at("embeddings"), 1e-6) == "");
}

TEST_CASE("bench stops by time as well, and writes tables and a trace for people") {
  const Workplace place;
  place.copy_golden("sentence/old_generation", "m");
  const Outcome outcome = weft(place, {"bench", "m", "--sequences", "8", "--length", "12",
                                       "--min-seconds", "0.05", "--profile", "--trace", "t.json"});
  REQUIRE_MESSAGE(outcome.exit_code == 0, outcome.err);
  for (const char* words : {"8 sequences", "96 tokens", "GFLOP/s", "attention", "p90"}) {
    CHECK_MESSAGE(outcome.out.find(words) != std::string::npos, outcome.out);
  }
  const json trace = json::parse(place.read("t.json"));
  CHECK(trace.at("traceEvents").size() > 10);
}

TEST_CASE("bench leaves none of its files when one of its outputs cannot be written") {
  const Workplace place;
  place.copy_golden("sentence/old_generation", "m");
  const auto before = place.entries();
  const std::vector<std::string> bench = {"bench", "m",       "--min-runs", "1",     "--sequences",
                                          "40",    "--trace", "t.json",     "--out", "e"};
  const Outcome no_stdout = weft(place, bench, {.out_file = "/dev/full"});
  CHECK(not_a_clean_failure(place, before, no_stdout, 1, {"stdout"}) == "");
  // 40 rows of 16 floats are more than 2000 bytes, and so is the trace.
  const Outcome no_file = weft(place, bench, {.largest_file = 2000});
  CHECK(not_a_clean_failure(place, before, no_file, 1, {"t.json"}) == "");
  std::filesystem::create_directory(place.path() / "folder");
  const auto with_folder = place.entries();
  const Outcome no_folder = weft(place, {"bench", "m", "--trace", "t.json", "--out", "folder"});
  CHECK(not_a_clean_failure(place, with_folder, no_folder, 1, {"folder"}) == "");
}

TEST_CASE("bench refuses bad workloads by tensor and leaves no output") {
  const Workplace place;
  place.copy_golden("bert/gelu_new", "m");
  const auto integers = [](const std::vector<std::int64_t>& values) {
    Array array(DType::kI64, {std::ssize(values)});
    std::copy(values.begin(), values.end(), array.values<std::int64_t>().begin());
    return array;
  };
  const std::vector<std::pair<NamedArrays, std::string>> cases = {
      {{}, "offsets"},
      {{{"offsets", integers({0, 1})}}, "ids"},
      {{{"ids", integers({1, 2})}, {"offsets", integers({0, 1})}}, "offsets"},
      {{{"ids", integers({1, 2})}, {"offsets", integers({})}}, "offsets"},
      {{{"ids", integers({1, 2})}, {"offsets", integers({0, 2, 1, 2})}}, "offsets"},
      {{{"ids", integers({1, -2})}, {"offsets", integers({0, 2})}}, "ids"},
      {{{"ids", integers({1, std::int64_t{1} << 40})}, {"offsets", integers({0, 2})}}, "ids"},
      {{{"ids", Array(DType::kF32, {2})}, {"offsets", integers({0, 2})}}, "ids"},
  };
  for (std::size_t i = 0; i < cases.size(); ++i) {
    CAPTURE(i);
    write_safetensors(place.path() / "w", cases[i].first);
    const auto before = place.entries();
    const Outcome outcome = weft(place, {"bench", "--model", "m", "--workload", "w", "--out", "e"});
    CHECK(not_a_clean_failure(place, before, outcome, 1, {cases[i].second}) == "");
  }
}

}  // namespace weft::test
