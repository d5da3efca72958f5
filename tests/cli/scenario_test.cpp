// bench --scenario, --json and --report, on a tiny model.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/cli/program.h"

namespace weft::test {
namespace {

using nlohmann::json;

struct TinyModel : Workplace {
  TinyModel() { copy_golden("sentence/old_generation", "m"); }
  Outcome bench(std::vector<std::string> words) const {
    words.insert(words.begin(), {"bench", "m", "--sequences", "8", "--length", "12"});
    return weft(*this, words);
  }
};

}  // namespace

TEST_CASE("each scenario answers with its queries, latencies in order, and why it is not valid") {
  const TinyModel model;
  for (const std::string scenario : {"SingleStream", "Offline", "Server"}) {
    CAPTURE(scenario);
    const Outcome outcome = model.bench({"--scenario", scenario, "--min-seconds", "0.1", "--json"});
    REQUIRE_MESSAGE(outcome.exit_code == 0, outcome.err);
    const json found = json::parse(outcome.out);
    CHECK(found.at("scenario") == scenario);
    CHECK(found.at("result") == "INVALID");  // a tenth of a second is too short
    CHECK(found.at("invalid_because").dump().find("too short") != std::string::npos);
    CHECK(found.at("invalid_because").dump().find("wrong") == std::string::npos);
    CHECK(found.at("queries") > 0);
    CHECK(found.at("queries_per_second") > 0);
    const json& latency = found.at("latency_s");
    CHECK(latency.at("p50") > 0);
    CHECK(latency.at("p50") <= latency.at("p90"));
    CHECK(latency.at("p90") <= latency.at("p99"));
    CHECK(latency.at("p99") <= latency.at("most"));
  }
}

TEST_CASE("the server scenario takes the rate asked for, and tells when the bound is passed") {
  const TinyModel model;
  const Outcome calm = model.bench({"--scenario", "Server", "--target-qps", "200", "--latency-ms",
                                    "10000", "--min-seconds", "0.5", "--json"});
  REQUIRE_MESSAGE(calm.exit_code == 0, calm.err);
  const json found = json::parse(calm.out);
  CHECK(found.at("target_qps") == 200);
  CHECK(found.at("queries") >= 60);  // 100 are expected, 10 is one deviation
  CHECK(found.at("queries") <= 140);
  CHECK(found.at("invalid_because").dump().find("bound") == std::string::npos);
  const Outcome again = model.bench({"--scenario", "Server", "--target-qps", "200", "--latency-ms",
                                     "10000", "--min-seconds", "0.5", "--json"});
  CHECK(json::parse(again.out).at("queries") == found.at("queries"));  // the same seed
  const Outcome strict = model.bench({"--scenario", "Server", "--target-qps", "200", "--latency-ms",
                                      "0.0001", "--min-seconds", "0.1"});
  REQUIRE(strict.exit_code == 0);
  CHECK(strict.out.find("INVALID") != std::string::npos);
  CHECK(strict.out.find("too slow") != std::string::npos);
}

TEST_CASE("a scenario of few queries is not valid") {
  const TinyModel model;
  const Outcome few = model.bench({"--scenario", "SingleStream", "--min-runs", "5"});
  REQUIRE(few.exit_code == 0);
  CHECK(few.out.find("too few queries: 5, expected at least 64") != std::string::npos);
}

TEST_CASE("options of a scenario without it, and outputs that it does not have, are wrong usage") {
  const TinyModel model;
  const auto before = model.entries();
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{"--scenario", "Batch"}, "SingleStream"},
      {{"--target-qps", "5"}, "--target-qps"},
      {{"--scenario", "Offline", "--latency-ms", "5"}, "--latency-ms"},
      {{"--seed", "5"}, "--seed"},
      {{"--scenario", "Offline", "--report", "p.html"}, "--report"},
      {{"--scenario", "Server", "--target-qps", "0"}, "--target-qps"},
  };
  for (const auto& [words, part] : cases) {
    CAPTURE(part);
    CHECK(not_a_clean_failure(model, before, model.bench(words), 2, {part}) == "");
  }
}

TEST_CASE("bench --json tells rates, the peak and every operator") {
  const TinyModel model;
  const Outcome outcome = model.bench({"--json", "--min-runs", "3"});
  REQUIRE_MESSAGE(outcome.exit_code == 0, outcome.err);
  const json found = json::parse(outcome.out);
  CHECK(found.at("times_s").size() == 3);
  CHECK(found.at("sequences") == 8);
  CHECK(found.at("tokens") == 96);
  CHECK(found.at("f32_peak").at("flops_per_second") > 1e9);
  CHECK(found.at("f32_peak").at("bytes_per_second") > 1e8);
  CHECK(found.at("product_peak_flops_per_second") == found.at("f32_peak").at("flops_per_second"));
  CHECK(found.at("ops").dump().find("attention") != std::string::npos);
  double flops = 0;
  for (const json& op : found.at("ops")) flops += op.at("flops").get<double>();
  CHECK(flops > 0);
}

TEST_CASE("the report is one page that loads nothing, whole or not at all") {
  const TinyModel model;
  const Outcome outcome = model.bench({"--report", "page.html", "--min-seconds", "0.02"});
  REQUIRE_MESSAGE(outcome.exit_code == 0, outcome.err);
  const std::string page = model.read("page.html");
  CHECK(page.starts_with("<!doctype html>"));
  CHECK(page.ends_with("</html>\n"));
  for (const char* part : {"Latency percentiles", "Throughput over length", "Scaling over threads",
                           "Roofline", "Time per operator", "Padding avoided", "Accuracy",
                           "prefers-color-scheme: dark", "attention"}) {
    CAPTURE(part);
    CHECK(page.find(part) != std::string::npos);
  }
  for (const char* part :
       {"http:", "https:", "<script ", "src=", "<link", "url(", "nan", "inf\"", "-nan"}) {
    CAPTURE(part);
    CHECK(page.find(part) == std::string::npos);
  }
  const auto before = model.entries();
  CHECK(not_a_clean_failure(model, before,
                            model.bench({"--report", "none/page.html", "--min-seconds", "0.02"}), 1,
                            {"none/page.html"}) == "");
}

}  // namespace weft::test
