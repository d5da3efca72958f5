// What a scenario found, for people and for programs.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/json_object.h"
#include "cli/scenario.h"
#include "cli/statistics.h"

namespace weft::cli {

std::string scenario_table(const ScenarioResult& result) {
  std::string table;
  const auto row = [&](std::string_view name, const std::string& value) {
    table += fmt::format("{:<10}{}\n", name, value);
  };
  const std::vector<double> times = sorted(result.latencies);
  const auto at = [&](double share) { return quantile(times, share) * 1e3; };
  row("scenario", fmt::format("{}, {} queries in {:.1f} s", to_string(result.options.scenario),
                              result.queries, result.seconds));
  if (result.options.scenario == Scenario::kServer) {
    row("arrivals",
        fmt::format("Poisson, {:.1f} queries/s, seed {}, p99 within {:.1f} ms", result.target_qps,
                    result.options.seed, result.options.latency_bound * 1e3));
  }
  row(result.options.scenario == Scenario::kOffline ? "pass" : "latency",
      fmt::format("p50 {:.3f} ms, p90 {:.3f}, p95 {:.3f}, p99 {:.3f}, most {:.3f} ms", at(0.5),
                  at(0.9), at(0.95), at(0.99), at(1)));
  row("rate", fmt::format("{:.1f} {}/s", result.queries_per_second(), result.items));
  row("result", result.invalid.empty()
                    ? "VALID"
                    : fmt::format("INVALID: {}", fmt::join(result.invalid, "; ")));
  return table;
}

std::string scenario_json(const ScenarioResult& result, const ModelInfo& model) {
  const std::vector<double> times = sorted(result.latencies);
  JsonObject latency;
  for (const auto& [name, share] :
       {std::pair{"p50", 0.5}, {"p90", 0.9}, {"p95", 0.95}, {"p99", 0.99}, {"most", 1.0}}) {
    latency.add(name, quantile(times, share));
  }
  JsonObject json;
  json.add("scenario", to_string(result.options.scenario))
      .add("result", result.invalid.empty() ? "VALID" : "INVALID")
      .add("invalid_because", result.invalid)
      .add("queries", result.queries)
      .add("seconds", result.seconds)
      .add("queries_per_second", result.queries_per_second())
      .add("latency_s", latency)
      .add("seed", result.options.seed)
      .add("threads", model.threads)
      .add("dtype", model.compute_dtype)
      .add("isa", to_string(model.isa));
  if (result.options.scenario == Scenario::kServer) {
    json.add("target_qps", result.target_qps).add("latency_bound_s", result.options.latency_bound);
  }
  return json.text() + '\n';
}

}  // namespace weft::cli
