// weft info and weft bench: what machines read of them.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <span>
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

/// Of the rows of each sequence, in double precision. `states`: F32 [rows, hidden] or stacked.
Array means(const Array& states, std::span<const std::int64_t> offsets) {
  const auto rows = states.values<float>();
  const auto hidden = static_cast<std::size_t>(states.shape.back());
  Array result(DType::kF32, {std::ssize(offsets) - 1, states.shape.back()});
  for (std::size_t i = 0; i + 1 < offsets.size(); ++i) {
    for (std::size_t column = 0; column < hidden; ++column) {
      double sum = 0;
      for (std::int64_t row = offsets[i]; row < offsets[i + 1]; ++row) {
        sum += static_cast<double>(rows[static_cast<std::size_t>(row) * hidden + column]);
      }
      result.values<float>()[i * hidden + column] =
          static_cast<float>(sum / static_cast<double>(offsets[i + 1] - offsets[i]));
    }
  }
  return result;
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
  CHECK(difference(means(states, offsets), written.at("embeddings"), 1e-6) == "");
}

TEST_CASE("bench takes images, whose rows are the means over all of their tokens") {
  for (const char* model : {"vit/old_names", "deit/distillation_token", "dinov2/swiglu"}) {
    CAPTURE(model);
    const Workplace place;
    place.copy_golden(model, "m");
    REQUIRE(weft(place, {"run", "m", "--input", "m/images.input.safetensors", "--output", "states"})
                .exit_code == 0);
    const Outcome outcome =
        weft(place, {"bench", "--model", "m", "--workload", "m/images.input.safetensors",
                     "--min-runs", "3", "--min-seconds", "60", "--out", "emb"});
    REQUIRE_MESSAGE(outcome.exit_code == 0, outcome.err);
    CHECK(json::parse(last_line(outcome.out)).at("times_s").size() == 3);
    const Array states = read_safetensors(place.path() / "states").at("last_hidden_state");
    std::vector<std::int64_t> offsets;
    for (std::int64_t i = 0; i <= states.shape[0]; ++i) offsets.push_back(i * states.shape[1]);
    const NamedArrays written = read_safetensors(place.path() / "emb");
    CHECK(difference(means(states, offsets), written.at("embeddings"), 1e-6) == "");
  }
}

TEST_CASE("bench generates images for a model of images, for people and for machines") {
  const Workplace place;
  place.copy_golden("vit/new_names", "m");
  const Outcome people =
      weft(place, {"bench", "m", "--min-runs", "2", "--profile", "--trace", "t.json"});
  REQUIRE_MESSAGE(people.exit_code == 0, people.err);
  for (const char* words : {"8 images of 3 x 8 x 8, 5 tokens each, 40 tokens", "images/s",
                            "GFLOP/s", "attention", "patch_embeddings.projection"}) {
    CHECK_MESSAGE(people.out.find(words) != std::string::npos, people.out);
  }
  const Outcome machine = weft(
      place, {"bench", "m", "--min-runs", "2", "--sequences", "20000", "--json", "--threads", "1"});
  REQUIRE_MESSAGE(machine.exit_code == 0, machine.err);
  const json found = json::parse(machine.out);
  CHECK(found.at("items") == "images");
  CHECK(found.at("sequences") == 20000);
  CHECK(found.at("tokens") == 100000);
  CHECK(found.at("share_of_f32_peak") > 0);
  // Per layer four products of 20 x 20 and two of 20 x 30, and attention; 4 patches of 48 values.
  double flops = 0;
  for (const json& op : found.at("ops")) {
    if (op.at("kind") == "linear" || op.at("kind") == "attention") flops += double(op.at("flops"));
  }
  const double layer = 5.0 * 2 * (4 * 20 * 20 + 2 * 20 * 30) + 4.0 * 5 * 5 * 20;
  CHECK(flops == doctest::Approx(20000 * (2 * layer + 5.0 * 2 * 48 * 20)).epsilon(0.001));
  const Outcome scenario =
      weft(place, {"bench", "m", "--scenario", "SingleStream", "--min-seconds", "0.05"});
  REQUIRE_MESSAGE(scenario.exit_code == 0, scenario.err);
  CHECK_MESSAGE(scenario.out.find("images/s") != std::string::npos, scenario.out);
  CHECK_MESSAGE(scenario.out.find("wrong") == std::string::npos, scenario.out);
  const Outcome info = weft(place, {"info", "m", "--json"});
  CHECK(json::parse(info.out).at("image_shape") == json({3, 8, 8}));
}

TEST_CASE("bench refuses what a model of images or of vectors cannot be measured with") {
  const Workplace place;
  place.copy_golden("vit/new_names", "vit");
  place.copy_golden("bert/gelu_new", "bert");
  place.copy_golden("torch_encoder/post_norm", "vectors");
  const Array images(DType::kF32, {2, 3, 8, 8});
  write_safetensors(place.path() / "images", {{"pixel_values", images}});
  write_safetensors(place.path() / "others", {{"pixel_values", Array(DType::kF32, {2, 3, 8, 9})}});
  write_safetensors(place.path() / "flat", {{"pixel_values", Array(DType::kF32, {2, 192})}});
  write_safetensors(place.path() / "both", {{"pixel_values", images}, {"ids", images}});
  Array offsets(DType::kI64, {2});
  offsets.values<std::int64_t>()[1] = 3;
  write_safetensors(place.path() / "ids", {{"ids", Array(DType::kI64, {3})}, {"offsets", offsets}});
  const auto before = place.entries();
  const auto refused = [&](std::vector<std::string> words, std::vector<std::string> told) {
    CAPTURE(words);
    words.insert(words.begin(), "bench");
    CHECK(not_a_clean_failure(place, before, weft(place, words), 1, told) == "");
  };
  refused({"--model", "vit", "--workload", "others", "--out", "e"},
          {"others: pixel_values: expected [images, 3, 8, 8], found [2, 3, 8, 9]"});
  refused({"--model", "vit", "--workload", "flat"}, {"flat: pixel_values", "rank 4", "rank 2"});
  refused({"--model", "vit", "--workload", "both"}, {"both: pixel_values", "no other tensor"});
  refused({"--model", "vit", "--workload", "ids"}, {"expected a model of token ids, found vit"});
  refused({"--model", "bert", "--workload", "images"}, {"expected a model of images, found bert"});
  refused({"vit", "--length", "3"}, {"--length", "vit"});
  refused({"vit", "--report", "page.html"}, {"--report", "vit"});
  refused({"--model", "vit", "--workload", "images", "--report", "page.html"}, {"--report", "vit"});
  refused({"vectors"}, {"expected a model of token ids or images, found torch.nn"});
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
