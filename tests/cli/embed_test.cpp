// weft embed against vectors of the sentence-transformers package, its inputs and outputs.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <csignal>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/cli/program.h"
#include "tests/runtime/golden.h"
#include "weft/safetensors.h"

namespace weft::test {
namespace {

using Words = std::vector<std::string>;

constexpr double kTolerance = 2e-5;

/// A workplace with the model `m` and its texts `texts.jsonl`.
struct ModelPlace : Workplace {
  ModelPlace() {
    copy_golden("sentence/old_generation", "m");
    write("texts.jsonl", read("m/texts.jsonl"));
    expected = read_safetensors(golden("sentence/old_generation/texts.expected.safetensors"));
  }
  Array embeddings(const std::string& name) const {
    const NamedArrays arrays = read_safetensors(path() / name);
    REQUIRE(arrays.size() == 1);
    return arrays.at("embeddings");
  }
  NamedArrays expected;
};

Array from_json_lines(const std::string& lines) {
  std::vector<float> values;
  std::int64_t rows = 0;
  for (std::size_t begin = 0; begin < lines.size();) {
    const std::size_t end = lines.find('\n', begin);
    REQUIRE(end != std::string::npos);
    const auto row = nlohmann::json::parse(lines.substr(begin, end - begin));
    CHECK(row.size() == 2);
    CHECK(row.at("index").get<std::int64_t>() == rows++);
    for (const float value : row.at("embedding")) values.push_back(value);
    begin = end + 1;
  }
  Array array(DType::kF32, {rows, rows == 0 ? 0 : std::ssize(values) / rows});
  std::memcpy(array.data.data(), values.data(), array.data.size());
  return array;
}

}  // namespace

TEST_CASE("embed writes the package's vectors to every kind of output") {
  const ModelPlace place;
  const Words embed = {"embed", "m", "--input", "texts.jsonl", "--output"};
  const auto to = [&](const std::string& output) {
    Words words = embed;
    words.push_back(output);
    const Outcome outcome = weft(place, words);
    CHECK_MESSAGE(outcome.exit_code == 0, outcome.err);
    return outcome;
  };
  CHECK(to("e.safetensors").out == "");
  const Array rows = place.embeddings("e.safetensors");
  CHECK(difference(place.expected.at("default"), rows, kTolerance) == "");

  const Array on_stdout = from_json_lines(to("-").out);
  CHECK(on_stdout.shape == rows.shape);
  CHECK(on_stdout.data == rows.data);
  to("e.jsonl");
  CHECK(from_json_lines(place.read("e.jsonl")).data == rows.data);

  to("e.npy");
  const std::string npy = place.read("e.npy");
  const auto header_bytes = static_cast<std::size_t>(static_cast<unsigned char>(npy.at(8))) +
                            256 * static_cast<unsigned char>(npy.at(9));
  CHECK(npy.substr(0, 8) == std::string("\x93NUMPY\x01\x00", 8));
  CHECK((10 + header_bytes) % 64 == 0);
  const std::string header = npy.substr(10, header_bytes);
  CHECK(header.find("{'descr': '<f4', 'fortran_order': False, 'shape': (9, 20), }") == 0);
  CHECK(header.back() == '\n');
  REQUIRE(npy.size() == 10 + header_bytes + rows.data.size());
  CHECK(std::memcmp(npy.data() + 10 + header_bytes, rows.data.data(), rows.data.size()) == 0);
}

TEST_CASE("prompts, normalisation and truncated dimensions are those of the package") {
  const ModelPlace place;
  const std::vector<std::pair<std::string, Words>> ways = {
      {"default", {}},
      {"none", {"--prompt", ""}},
      {"none", {"--prompt="}},
      {"given", {"--prompt", "say a "}},
      {"query", {"--prompt-name", "query"}},
      {"passage", {"--prompt-name=passage"}},
      {"truncated", {"--truncate-dim", "6", "--normalize"}},
  };
  for (const auto& [way, options] : ways) {
    CAPTURE(way);
    Words words = {"embed", "m", "--input", "texts.jsonl", "--output", "e.safetensors"};
    words.insert(words.end(), options.begin(), options.end());
    const Outcome outcome = weft(place, words);
    REQUIRE_MESSAGE(outcome.exit_code == 0, outcome.err);
    CHECK(difference(place.expected.at(way), place.embeddings("e.safetensors"), kTolerance) == "");
  }
}

TEST_CASE("texts that were cut are counted on stderr after success") {
  const ModelPlace place;
  const Outcome outcome = weft(place, {"embed", "m", "--input", "texts.jsonl", "--prompt", ""});
  CHECK(outcome.exit_code == 0);
  // Without a prompt, three of the nine texts have more than the model's 14 tokens.
  CHECK_MESSAGE(outcome.err.find("3 of 9 texts were longer than 14 tokens") != std::string::npos,
                outcome.err);
  const auto before = place.entries();
  CHECK(not_a_clean_failure(place, before,
                            weft(place, {"embed", "m", "--input", "texts.jsonl", "--output",
                                         "e.npy", "--long-text", "error"}),
                            1, {}) == "");
}

TEST_CASE("texts given as words reach the model byte for byte") {
  const ModelPlace place;
  const std::vector<std::string> texts = {"[SEP]", "", "[a, b]", "{}", "run", "--threads", "-"};
  std::string lines;
  for (const std::string& text : texts) lines += text + '\n';
  place.write("t.txt", lines);
  Words words = {"embed", "m", "--output", "words.safetensors", "--"};
  words.insert(words.end(), texts.begin(), texts.end());
  REQUIRE(weft(place, words).exit_code == 0);
  REQUIRE(weft(place, {"embed", "m", "--input", "t.txt", "--output", "f.safetensors"}).exit_code ==
          0);
  CHECK(place.embeddings("words.safetensors").shape == std::vector<std::int64_t>{7, 20});
  CHECK(place.embeddings("words.safetensors").data == place.embeddings("f.safetensors").data);
}

TEST_CASE("lines of a .txt file end at newlines only") {
  const ModelPlace place;
  const auto rows_of = [&](const std::string& content) {
    place.write("t.txt", content);
    const Outcome outcome =
        weft(place, {"embed", "m", "--input", "t.txt", "--output", "e.safetensors"});
    REQUIRE_MESSAGE(outcome.exit_code == 0, outcome.err);
    CHECK(outcome.out == "");
    const Array rows = place.embeddings("e.safetensors");
    REQUIRE(rows.shape.size() == 2);
    CHECK(rows.shape[1] == 20);
    return rows.shape[0];
  };
  CHECK(rows_of("") == 0);
  CHECK(rows_of("\n") == 1);
  CHECK(rows_of("red") == 1);
  CHECK(rows_of("red\n") == 1);
  CHECK(rows_of("red\n\nblue") == 3);
  CHECK(rows_of("\n\n\n") == 3);
  CHECK(rows_of("red\r\nblue\rwool\n") == 2);
  CHECK(rows_of("red\xe2\x80\xa8wool\x0b\x0c\x1c\x85 blue\n") == 1);
  CHECK(rows_of(std::string("red\0wool\n\xff\xfe\n", 12)) == 2);
}

TEST_CASE("stdin is read as lines, or as JSON lines when told") {
  const ModelPlace place;
  const Words embed = {"embed", "m", "--output", "e.npy", "--input", "-"};
  Words json = embed;
  json.insert(json.end(), {"--input-format", "jsonl"});
  REQUIRE(weft(place, embed, {.input = "red wool\n{}\n"}).exit_code == 0);
  const std::string lines = place.read("e.npy");
  REQUIRE(weft(place, json, {.input = "\"red wool\"\n{\"id\":[7],\"text\":\"{}\"}"}).exit_code ==
          0);
  CHECK(place.read("e.npy") == lines);
}

TEST_CASE("a bad line is named and nothing is written") {
  const ModelPlace place;
  std::string deep = "\"red\"\n";
  deep += std::string(100'000, '[') + std::string(100'000, ']') + '\n';
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"\"red\"\nred\n", "line 2"},
      {"\"red\"\n\n\"blue\"\n", "line 2"},
      {"\"red\"\n7\n", "line 2"},
      {"\"red\"\nnull\n", "line 2"},
      {"[\"red\"]\n", "line 1"},
      {"{\"txt\":\"red\"}\n", "line 1"},
      {"{\"text\":7}\n", "line 1"},
      {"{\"text\":\"a\",\"text\":\"b\"}\n", "line 1"},
      {"\"red\" \"blue\"\n", "line 1"},
      {"\"\xff\"\n", "line 1"},
      {"\"\\ud800\"\n", "line 1"},
      {"{\"text\":\"red\",\"n\":1e999}\n", "line 1"},
      {deep, "line 2"},
  };
  for (const auto& [content, line] : cases) {
    CAPTURE(content.substr(0, 40));
    place.write("t.jsonl", content);
    for (const std::string output : {"-", "e.safetensors", "e.jsonl"}) {
      const auto before = place.entries();
      CHECK(
          not_a_clean_failure(place, before,
                              weft(place, {"embed", "m", "--input", "t.jsonl", "--output", output}),
                              1, {"t.jsonl " + line}) == "");
    }
  }
}

TEST_CASE("what only the model can refuse names the option") {
  const ModelPlace place;
  const auto before = place.entries();
  const std::vector<std::pair<Words, Words>> cases = {
      {{"--truncate-dim", "21"}, {"--truncate-dim", "20", "21"}},
      {{"--prompt-name", "poem"}, {"--prompt-name", "query", "poem"}},
  };
  for (const auto& [options, in_error] : cases) {
    Words words = {"embed", "m", "--input", "texts.jsonl", "--output", "e.npy"};
    words.insert(words.end(), options.begin(), options.end());
    CHECK(not_a_clean_failure(place, before, weft(place, words), 1, in_error) == "");
  }
}

TEST_CASE("missing and unusable files are named and leave nothing behind") {
  const ModelPlace place;
  std::filesystem::create_directory(place.path() / "folder.txt");
  std::filesystem::create_directory(place.path() / "folder.npy");
  std::filesystem::create_directory(place.path() / "empty");
  place.write("t.txt", "red\n");
  const auto before = place.entries();
  const std::vector<std::pair<Words, Words>> cases = {
      {{"embed", "absent", "a"}, {"absent"}},
      {{"embed", "empty", "a"}, {"empty"}},
      {{"embed", "t.txt", "a"}, {"t.txt"}},
      {{"embed", "m", "--input", "absent.txt"}, {"absent.txt"}},
      {{"embed", "m", "--input", "folder.txt"}, {"folder.txt"}},
      {{"embed", "m", "a", "--output", "folder.npy"}, {"folder.npy"}},
      {{"embed", "m", "a", "--output", "absent/e.npy"}, {"absent/e.npy"}},
      {{"embed", "absent", "a", "--output", "e.npy"}, {"absent"}},
  };
  for (const auto& [words, in_error] : cases) {
    CAPTURE(words);
    CHECK(not_a_clean_failure(place, before, weft(place, words), 1, in_error) == "");
  }
  const Outcome bad_level =
      weft(place, {"embed", "m", "a"}, {.environment = {{"WEFT_ISA", "mmx"}}});
  CHECK(not_a_clean_failure(place, before, bad_level, 1, {"WEFT_ISA", "mmx"}) == "");
}

TEST_CASE("a full disk leaves no file, and an older output stays as it was") {
  const ModelPlace place;
  std::string lines;
  for (int i = 0; i < 5000; ++i) lines += fmt::format("wool {}\n", i);
  place.write("t.txt", lines);
  place.write("e.npy", "older");
  const auto before = place.entries();
  for (const std::string output : {"e.npy", "e.safetensors", "e.jsonl"}) {
    const Outcome outcome = weft(place, {"embed", "m", "--input", "t.txt", "--output", output},
                                 {.largest_file = 100'000});
    CHECK(not_a_clean_failure(place, before, outcome, 1, {output}) == "");
  }
  CHECK(place.read("e.npy") == "older");
  const Outcome full = weft(place, {"embed", "m", "red"}, {.out_file = "/dev/full"});
  CHECK(not_a_clean_failure(place, before, full, 1, {"stdout"}) == "");
}

TEST_CASE("memory stays flat, rows in order and bits the same over many texts") {
  const ModelPlace place;
  const auto peak_of = [&](int texts, const std::string& output) {
    std::string lines;
    for (int i = 0; i < texts; ++i) {
      lines += i % 7 == 0 ? "blue cloth of the weaver\n" : i % 3 == 0 ? "\n" : "red thread\n";
    }
    place.write("t.txt", lines);
    const Outcome outcome = weft(place, {"embed", "m", "--input", "t.txt", "--output", output});
    REQUIRE_MESSAGE(outcome.exit_code == 0, outcome.err);
    return outcome.peak_kilobytes;
  };
  // 12'000 texts fill the window; 20 times as many hold 20 MB of text and rows.
  const std::int64_t few = peak_of(12'000, "few.safetensors");
  const std::int64_t many = peak_of(240'000, "many.safetensors");
  CHECK_MESSAGE(many < few + 6'000, "KB: ", few, " for 12'000 texts, ", many, " for 240'000");

  const Array few_rows = place.embeddings("few.safetensors");
  const Array many_rows = place.embeddings("many.safetensors");
  CHECK(many_rows.shape == std::vector<std::int64_t>{240'000, 20});
  CHECK(std::memcmp(few_rows.data.data(), many_rows.data.data(), few_rows.data.size()) == 0);
  // Text 0 and 7 are the same text, as are 1 and 239'998.
  const auto row = [&](std::size_t i) { return many_rows.data.data() + i * 80; };
  CHECK(std::memcmp(row(0), row(7), 80) == 0);
  CHECK(std::memcmp(row(1), row(239'998), 80) == 0);
  CHECK(std::memcmp(row(0), row(1), 80) != 0);
}

TEST_CASE("an interrupted program removes its temporary file and ends by the signal") {
  for (const int signal : {SIGINT, SIGTERM}) {
    const ModelPlace place;
    const auto before = place.entries();
    const Outcome outcome =
        weft_signalled(place, {"embed", "m", "--input", "-", "--output", "e.safetensors"}, signal,
                       [](const Workplace& at) {
                         for (const std::string& name : at.entries()) {
                           if (name.find(".tmp") != std::string::npos) return true;
                         }
                         return false;
                       });
    CHECK(outcome.signal == signal);
    CHECK(outcome.err == "weft: interrupted\n");
    CHECK(outcome.out == "");
    CHECK(place.entries() == before);
  }
}

}  // namespace weft::test
