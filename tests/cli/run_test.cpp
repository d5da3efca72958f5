// weft run against tensors that transformers computed in double precision.
#include <doctest/doctest.h>

#include <cstring>
#include <string>
#include <vector>

#include "tests/cli/program.h"
#include "tests/runtime/golden.h"
#include "weft/safetensors.h"

namespace weft::test {
namespace {

using Words = std::vector<std::string>;

constexpr double kTolerance = 2e-5;

Words run_words(const Words& more = {}) {
  Words words = {"run", "m", "--input", "in.safetensors", "--output", "out.safetensors"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

Array integers(std::vector<std::int64_t> shape, const std::vector<std::int64_t>& values) {
  Array array(DType::kI64, std::move(shape));
  REQUIRE(array.data.size() == values.size() * 8);
  std::memcpy(array.data.data(), values.data(), array.data.size());
  return array;
}

bool is_state_or_attention(const std::string& name) {
  return name.starts_with("hidden_states.") || name.starts_with("attentions.");
}

}  // namespace

TEST_CASE("run writes the tensors that were asked for, ragged and padded, without a tokenizer") {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"gelu_new", "ragged"}, {"gelu_new", "right"}, {"gelu_new", "left"},
      {"sharded", "ragged"},  {"float16", "ragged"}, {"pretraining_leftovers", "right"},
  };
  for (const auto& [name, layout] : cases) {
    CAPTURE(name);
    CAPTURE(layout);
    const Workplace place;
    place.copy_golden("bert/" + name, "m");
    place.write("in.safetensors", place.read("m/" + layout + ".input.safetensors"));
    const NamedArrays expected =
        read_safetensors(place.path() / "m" / (layout + ".expected.safetensors"));
    const Outcome all = weft(place, run_words({"--all-hidden-states", "--attentions"}));
    REQUIRE_MESSAGE(all.exit_code == 0, all.err);
    CHECK(all.out == "");
    const bool has_leftovers = name == "pretraining_leftovers";  // a note tells unused tensors
    CHECK(all.err.empty() == !has_leftovers);
    const NamedArrays found = read_safetensors(place.path() / "out.safetensors");
    CHECK(found.size() == expected.size());
    for (const auto& [tensor, values] : expected) {
      CAPTURE(tensor);
      REQUIRE(found.contains(tensor));
      CHECK(difference(values, found.at(tensor), kTolerance) == "");
    }

    REQUIRE(weft(place, run_words()).exit_code == 0);
    const NamedArrays plain = read_safetensors(place.path() / "out.safetensors");
    for (const auto& [tensor, values] : found) {
      CAPTURE(tensor);
      REQUIRE(plain.contains(tensor) == !is_state_or_attention(tensor));
      if (plain.contains(tensor)) CHECK(plain.at(tensor).data == values.data);
    }
  }
}

TEST_CASE("run names the tensor that it refuses and leaves no output") {
  const Workplace place;
  place.copy_golden("bert/gelu_new", "m");
  const Array ids = integers({4}, {1, 2, 3, 4});
  const Array offsets = integers({2}, {0, 4});
  const Array matrix = integers({2, 3}, {1, 2, 3, 4, 5, 6});
  const auto mask = [](const std::vector<std::int64_t>& values) {
    return integers({2, 3}, values);
  };
  const std::vector<std::pair<NamedArrays, std::string>> cases = {
      {{}, "input_ids"},
      {{{"input_ids", ids}}, "offsets"},
      {{{"offsets", offsets}}, "input_ids"},
      {{{"input_ids", Array(DType::kF32, {4})}, {"offsets", offsets}}, "input_ids"},
      {{{"input_ids", integers({4}, {1, 2, 3, -1})}, {"offsets", offsets}}, "input_ids"},
      {{{"input_ids", integers({4}, {1, 2, 3, 1 << 30})}, {"offsets", offsets}}, "input_ids"},
      {{{"input_ids", integers({4}, {1, 2, 3, std::int64_t{1} << 32})}, {"offsets", offsets}},
       "input_ids"},
      {{{"input_ids", ids}, {"offsets", integers({2}, {0, 3})}}, "offsets"},
      {{{"input_ids", ids}, {"offsets", integers({2}, {1, 4})}}, "offsets"},
      {{{"input_ids", ids}, {"offsets", integers({3}, {0, 5, 4})}}, "offsets"},
      {{{"input_ids", ids}, {"offsets", integers({3}, {0, 4, 4})}}, ""},
      {{{"input_ids", ids}, {"offsets", offsets}, {"token_type_ids", integers({3}, {0, 0, 0})}},
       "token_type_ids"},
      {{{"input_ids", ids}, {"offsets", offsets}, {"token_type_ids", integers({4}, {0, 0, 0, 9})}},
       "token_type_ids"},
      {{{"input_ids", matrix}}, ""},
      {{{"input_ids", matrix}, {"attention_mask", integers({3, 2}, {1, 1, 1, 1, 1, 1})}},
       "attention_mask"},
      {{{"input_ids", matrix}, {"attention_mask", mask({1, 1, 2, 1, 1, 1})}}, "attention_mask"},
      {{{"input_ids", matrix}, {"attention_mask", mask({1, 0, 1, 1, 1, 1})}}, "attention_mask"},
      {{{"input_ids", matrix}, {"attention_mask", mask({1, 1, 1, 0, 0, 0})}}, "attention_mask"},
      {{{"pixel_values", Array(DType::kF32, {1, 3, 4, 4})}}, "pixel_values"},
      {{{"inputs", Array(DType::kF32, {4, 48})}, {"offsets", offsets}}, "inputs"},
  };
  for (std::size_t i = 0; i < cases.size(); ++i) {
    CAPTURE(i);
    write_safetensors(place.path() / "in.safetensors", cases[i].first);
    const auto before = place.entries();
    CHECK(not_a_clean_failure(place, before, weft(place, run_words()), 1, {cases[i].second}) == "");
  }
}

TEST_CASE("run never cuts: a sequence beyond the maximum is an error") {
  const Workplace place;
  place.copy_golden("bert/gelu_new", "m");
  const std::int64_t length = 4000;
  write_safetensors(place.path() / "in.safetensors", {{"input_ids", Array(DType::kI64, {length})},
                                                      {"offsets", integers({2}, {0, length})}});
  const auto before = place.entries();
  CHECK(not_a_clean_failure(place, before, weft(place, run_words()), 1, {"4000"}) == "");
}

TEST_CASE("run refuses broken files and folders and leaves no output") {
  const Workplace place;
  place.copy_golden("bert/gelu_new", "m");
  place.write("in.safetensors", place.read("m/ragged.input.safetensors"));
  place.write("cut.safetensors", place.read("in.safetensors").substr(0, 100));
  std::filesystem::create_directory(place.path() / "folder.safetensors");
  const auto before = place.entries();
  const std::vector<std::pair<Words, std::string>> cases = {
      {{"run", "m", "--input", "absent", "--output", "o"}, "absent"},
      {{"run", "m", "--input", "cut.safetensors", "--output", "o"}, "cut.safetensors"},
      {{"run", "m", "--input", "in.safetensors", "--output", "x/o"}, "x/o"},
      {{"run", "m", "--input", "in.safetensors", "--output", "folder.safetensors"},
       "folder.safetensors"},
      {{"run", "absent", "--input", "in.safetensors", "--output", "o"}, "absent"},
  };
  for (const auto& [words, in_error] : cases) {
    CAPTURE(words);
    CHECK(not_a_clean_failure(place, before, weft(place, words), 1, {in_error}) == "");
  }
  const Outcome full = weft(place, run_words({"--all-hidden-states"}), {.largest_file = 2000});
  CHECK(not_a_clean_failure(place, before, full, 1, {"out.safetensors"}) == "");

  place.write("m/config.json", "{\"model_type\": \"of another world\"}");
  CHECK(not_a_clean_failure(place, before, weft(place, run_words()), 1, {"of another world"}) ==
        "");
}

TEST_CASE("threads and instruction sets are taken from the options") {
  const Workplace place;
  place.copy_golden("bert/relu_five_heads", "m");
  place.write("in.safetensors", place.read("m/ragged.input.safetensors"));
  REQUIRE(weft(place, run_words({"--threads", "1"})).exit_code == 0);
  const std::string one = place.read("out.safetensors");
  for (const char* threads : {"2", "3", "16"}) {
    REQUIRE(weft(place, run_words({"--threads", threads})).exit_code == 0);
    CHECK(place.read("out.safetensors") == one);
  }
  REQUIRE(weft(place, run_words({"--isa", "baseline"})).exit_code == 0);
  const std::string baseline = place.read("out.safetensors");
  REQUIRE(weft(place, run_words(), {.environment = {{"WEFT_ISA", "baseline"}}}).exit_code == 0);
  CHECK(place.read("out.safetensors") == baseline);
  REQUIRE(weft(place, run_words({"--gemm", "onednn"})).exit_code == 0);
}

}  // namespace weft::test
