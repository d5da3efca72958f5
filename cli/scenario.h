// Load scenarios as MLPerf inference names them, one query being one sequence of the workload.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/sequence_runner.h"

namespace weft::cli {

enum class Scenario : std::uint8_t {
  kSingleStream,  // the next query when the last is answered; 90th percentile of latency
  kOffline,       // all at once; sequences per second
  kServer,        // queries arrive by a Poisson process; the rate at which p99 keeps a bound
};
std::string_view to_string(Scenario scenario) noexcept;

struct ScenarioOptions {
  Scenario scenario{};
  double seconds = 10;               // measured at least so long ...
  std::int64_t most_queries = 0;     // ... or until so many queries
  double latency_bound = 0.05;       // kServer: of the 99th percentile, seconds
  std::optional<double> target_qps;  // kServer: none: the highest rate that keeps the bound
  std::uint64_t seed = 1;            // of arrivals and of the order of queries
};

struct ScenarioResult {
  ScenarioOptions options;
  std::vector<double> latencies;  // seconds, of each query in order; kOffline: of each pass
  std::int64_t queries = 0;
  double seconds = 0;                // from the first query to the last answer
  double target_qps = 0;             // kServer
  std::string_view items;            // what a query is one of: Workload::items()
  std::vector<std::string> invalid;  // why the result does not count; empty: VALID

  double queries_per_second() const { return static_cast<double>(queries) / seconds; }
};

/// Shorter runs, and runs of fewer queries, say too little of a percentile.
inline constexpr double kValidSeconds = 10;
inline constexpr std::int64_t kValidQueries = 64;

/// `expected`: the rows of the whole workload, with which every answer is compared: bit by bit, or
/// with the oneDNN backend, which gives up same bits, by cosines of at least 0.9999.
ScenarioResult run_scenario(SequenceRunner& runner, std::span<const float> expected,
                            const ScenarioOptions& options);

/// For people.
std::string scenario_table(const ScenarioResult& result);
/// One JSON object.
std::string scenario_json(const ScenarioResult& result, const ModelInfo& model);

}  // namespace weft::cli
