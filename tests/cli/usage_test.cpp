// Wrong usage and what is not supported: exit codes, one line on stderr, nothing else.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/cli/program.h"

namespace weft::test {
namespace {

using Words = std::vector<std::string>;

struct Case {
  Words words;
  int exit_code;
  Words in_error;
};

void check_all(const Workplace& place, const std::vector<Case>& cases) {
  for (const Case& one : cases) {
    CAPTURE(one.words);
    const auto before = place.entries();
    CHECK(not_a_clean_failure(place, before, weft(place, one.words), one.exit_code, one.in_error) ==
          "");
  }
}

}  // namespace

TEST_CASE("wrong usage exits with 2 and names the argument") {
  const Workplace place;
  check_all(
      place,
      {
          {{}, 2, {"command"}},
          {{""}, 2, {"command"}},
          {{"frobnicate"}, 2, {"frobnicate"}},
          {{"line\nbreak"}, 2, {"line\\nbreak"}},
          {{"--bogus"}, 2, {"--bogus"}},
          {{"embed"}, 2, {"MODEL_DIR"}},
          {{"embed", "model"}, 2, {"TEXT", "--input"}},
          {{"embed", "model", "--bogus"}, 2, {"--bogus"}},
          {{"embed", "model", "-x"}, 2, {"-x"}},
          {{"embed", "model", "a", "--threads"}, 2, {"--threads"}},
          {{"embed", "model", "a", "--threads", "0"}, 2, {"--threads", "0"}},
          {{"embed", "model", "a", "--threads", "-1"}, 2, {"--threads", "-1"}},
          {{"embed", "model", "a", "--threads=-1"}, 2, {"--threads", "-1"}},
          {{"embed", "model", "a", "--threads", "two"}, 2, {"--threads", "two"}},
          {{"embed", "model", "a", "--threads", "2.0"}, 2, {"--threads", "2.0"}},
          {{"embed", "model", "a", "--threads", "99999999999999999999"}, 2, {"--threads"}},
          {{"embed", "model", "a", "--threads", ""}, 2, {"--threads"}},
          {{"embed", "model", "a", "--threads", "1", "--threads", "2"}, 2, {"--threads", "twice"}},
          {{"embed", "model", "a", "--dtype", "f64"}, 2, {"--dtype", "f64", "f32"}},
          {{"embed", "model", "a", "--dtype", ""}, 2, {"--dtype"}},
          {{"embed", "model", "a", "--attention-dtype", "int8"}, 2, {"--attention-dtype", "int8"}},
          {{"embed", "model", "a", "--attention-dtype", "bf16"}, 1, {"--attention-dtype", "f32"}},
          {{"embed", "model", "a", "--isa", "sse9"}, 2, {"--isa", "sse9", "avx2"}},
          {{"embed", "model", "a", "--gemm", "mkl"}, 2, {"--gemm", "mkl", "native"}},
          {{"embed", "model", "a", "--normalize=yes"}, 2, {"--normalize", "yes"}},
          {{"embed", "model", "a", "--normalize", "--no-normalize"}, 2, {"--normalize"}},
          {{"embed", "model", "a", "--prompt", "p", "--prompt-name", "q"}, 2, {"--prompt"}},
          {{"embed", "model", "a", "--truncate-dim", "0"}, 2, {"--truncate-dim", "0"}},
          {{"embed", "model", "a", "--truncate-dim", "x"}, 2, {"--truncate-dim", "x"}},
          {{"embed", "model", "a", "--output", "rows.csv"}, 2, {"--output", "rows.csv", ".npy"}},
          {{"embed", "model", "a", "--output", ""}, 2, {"--output"}},
          {{"embed", "model", "a", "--input", "texts.txt"}, 2, {"--input", "TEXT"}},
          {{"embed", "model", "--input", "texts.pdf"}, 2, {"--input", "texts.pdf", ".jsonl"}},
          {{"embed", "model", "--input", "-", "--input-format", "xml"},
           2,
           {"--input-format", "xml"}},
          {{"embed", "model", "a", "--input-format", "txt"}, 2, {"--input-format"}},
          {{"embed", "model", "a", "--long-text", "drop"}, 2, {"--long-text", "drop"}},
          {{"tokenize"}, 2, {"MODEL_DIR"}},
          {{"tokenize", "model", "other"}, 2, {"other"}},
          {{"run", "model"}, 2, {"--input"}},
          {{"run", "model", "--input", "in.safetensors"}, 2, {"--output"}},
          {{"run", "--input", "in.safetensors", "--output", "out.safetensors"}, 2, {"MODEL_DIR"}},
          {{"info"}, 2, {"MODEL_DIR"}},
          {{"info", "model", "--max-tokens", "0"}, 2, {"--max-tokens", "0"}},
          {{"bench"}, 2, {"MODEL_DIR"}},
          {{"bench", "model", "--model", "model"}, 2, {"--model"}},
          {{"bench", "model", "--workload", "w", "--length", "3"}, 2, {"--workload", "--length"}},
          {{"bench", "model", "--min-runs", "0"}, 2, {"--min-runs", "0"}},
          {{"bench", "model", "--min-seconds", "nan"}, 2, {"--min-seconds", "nan"}},
          {{"bench", "model", "--min-seconds", "-1"}, 2, {"--min-seconds", "-1"}},
      });
}

TEST_CASE("what is not supported yet says so by name and exits with 1") {
  const Workplace place;
  std::vector<Case> cases;
  for (const char* command : {"serve"}) {
    cases.push_back({{command, "model"}, 1, {command, "not supported yet"}});
  }
  for (const char* dtype : {"bf16", "int8"}) {
    cases.push_back(
        {{"info", "model", "--gemm", "onednn", "--dtype", dtype}, 1, {"--dtype", dtype}});
  }
  check_all(place, cases);
}

TEST_CASE("every command explains itself with examples") {
  const Workplace place;
  for (const char* command : {"embed", "rank", "classify", "tag", "fill", "generate", "attend",
                              "tokenize", "run", "info", "bench"}) {
    CAPTURE(command);
    const Outcome help = weft(place, {command, "--help"});
    CHECK(help.exit_code == 0);
    CHECK(help.err == "");
    CHECK(help.out.find(std::string("usage: weft ") + command) == 0);
    CHECK(help.out.find("examples:\n  ") != std::string::npos);
    const Outcome general = weft(place, {"--help"});
    CHECK(general.exit_code == 0);
    CHECK(general.out.find(std::string("\n  ") + command + ' ') != std::string::npos);
  }
  const Outcome version = weft(place, {"--version"});
  CHECK(version.exit_code == 0);
  CHECK(version.out.find("weft ") == 0);
}

}  // namespace weft::test
