// --cache: what the program tells of a packed cache, and that it never fails because of one.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/cli/program.h"

namespace weft::test {
namespace {

using nlohmann::json;
using Words = std::vector<std::string>;

Words run_words(const std::string& output) {
  return {"run",      "m",    "--input", "m/ragged.input.safetensors",
          "--output", output, "--cache", "cache"};
}

std::string cache_file(const Workplace& place) {
  std::vector<std::string> found;
  for (const std::string& name : place.entries()) {
    if (name.starts_with("cache/")) found.push_back(name);
  }
  REQUIRE(found.size() == 1);
  return found[0];
}

}  // namespace

TEST_CASE("--cache writes packed weights once, reads them then, and changes no output") {
  const Workplace place;
  place.copy_golden("bert/gelu_new", "m");
  Words without = run_words("without.safetensors");
  without.resize(without.size() - 2);
  REQUIRE(weft(place, without).exit_code == 0);
  for (const char* state : {"written", "read"}) {
    const Outcome told = weft(place, {"info", "m", "--json", "--cache", "cache"});
    REQUIRE_MESSAGE(told.exit_code == 0, told.err);
    CHECK(json::parse(told.out).at("cache") == state);
    CHECK(json::parse(told.out).at("cache_files") == json({cache_file(place)}));
    CHECK(told.err == "");
    const Outcome outcome = weft(place, run_words("with.safetensors"));
    CHECK(outcome.exit_code == 0);
    CHECK(outcome.err == "");
    CHECK(place.read("with.safetensors") == place.read("without.safetensors"));
  }
  const Outcome people = weft(place, {"info", "m", "--cache", "cache", "--cache-verify"});
  CHECK(people.out.find("packed cache        read (cache/") != std::string::npos);
  const Outcome off = weft(place, {"info", "m", "--json"});
  CHECK(json::parse(off.out).at("cache") == "off");
}

TEST_CASE("a damaged cache is a note on stderr after success, and is replaced") {
  const Workplace place;
  place.copy_golden("bert/gelu_new", "m");
  REQUIRE(weft(place, run_words("a.safetensors")).exit_code == 0);
  const std::string file = cache_file(place);
  const std::string right = place.read(file);
  place.write(file, right.substr(0, 5000));
  const Outcome outcome = weft(place, run_words("b.safetensors"));
  CHECK(outcome.exit_code == 0);
  CHECK(outcome.out == "");
  CHECK(outcome.err.find(file + ": expected") != std::string::npos);
  CHECK(outcome.err.find("packed anew and replaced") != std::string::npos);
  CHECK(place.read("b.safetensors") == place.read("a.safetensors"));
  CHECK(place.read(file) == right);

  place.write(file, right.substr(0, right.size() - 1) + '?');
  CHECK(weft(place, {"info", "m", "--cache", "cache"}).err == "");  // only the header was checked
  const Outcome verified =
      weft(place, {"info", "m", "--cache", "cache", "--cache-verify", "--json"});
  CHECK(json::parse(verified.out).at("cache") == "written");
  CHECK(json::parse(verified.out).at("warnings").dump().find("checksum") != std::string::npos);
  CHECK(place.read(file) == right);
}

TEST_CASE("a cache that does not fit on the disk or cannot be made is a note") {
  const Workplace place;
  place.copy_golden("bert/gelu_new", "m");
  const auto before = place.entries();
  Words embed = {"info", "m", "--cache", "cache", "--json"};
  Surroundings tight;
  tight.largest_file = 20'000;
  const Outcome outcome = weft(place, embed, tight);
  REQUIRE_MESSAGE(outcome.exit_code == 0, outcome.err);
  CHECK(json::parse(outcome.out).at("cache") == "not written");
  auto after = place.entries();
  std::erase(after, "cache");  // the directory, empty
  CHECK(after == before);

  place.write("file", "");
  const Outcome blocked = weft(place, {"info", "m", "--cache", "file"});
  CHECK(blocked.exit_code == 0);
  CHECK(blocked.out.find("packed cache not written") != std::string::npos);
}

TEST_CASE("--cache and --cache-verify are checked as options") {
  const Workplace place;
  place.copy_golden("bert/gelu_new", "m");
  const auto before = place.entries();
  const auto fault = [&](const Words& words, const Words& in_error) {
    return not_a_clean_failure(place, before, weft(place, words), 2, in_error);
  };
  CHECK(fault({"info", "m", "--cache", ""}, {"--cache", "directory"}) == "");
  CHECK(fault({"info", "m", "--cache"}, {"--cache"}) == "");
  CHECK(fault({"info", "m", "--cache-verify"}, {"--cache-verify"}) == "");
  for (const char* command : {"embed", "rank", "classify", "tag", "fill", "run", "info", "bench"}) {
    CHECK(weft(place, {command, "--help"}).out.find("--cache DIR") != std::string::npos);
  }
}

}  // namespace weft::test
