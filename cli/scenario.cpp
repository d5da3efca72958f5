#include "cli/scenario.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <numeric>
#include <random>
#include <thread>

#include "cli/interruption.h"
#include "cli/statistics.h"
#include "cli/terminal.h"

namespace weft::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kLeastCosine = 0.9999;
constexpr double kNoise = 1.25;           // most that quarters of a run may differ
constexpr std::size_t kServerBatch = 64;  // waiting queries answered together
constexpr int kSearchTrials = 7;

double seconds_between(Clock::time_point begin, Clock::time_point end) {
  return std::chrono::duration<double>(end - begin).count();
}

Clock::duration duration(double seconds) {
  return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

double cosine(std::span<const float> a, std::span<const float> b) {
  double ab = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    ab += static_cast<double>(a[i]) * b[i];
    aa += static_cast<double>(a[i]) * a[i];
    bb += static_cast<double>(b[i]) * b[i];
  }
  return ab / std::sqrt(aa * bb);
}

class Measurement {
 public:
  Measurement(SequenceRunner& runner, std::span<const float> expected,
              const ScenarioOptions& options)
      : runner_(runner),
        expected_(expected),
        progress_("queries"),
        same_bits_(runner.model().info().gemm == GemmBackend::kNative) {
    result_.options = options;
    result_.items = runner.workload().items();
  }

  ScenarioResult run() {
    switch (result_.options.scenario) {
      case Scenario::kSingleStream: single_stream(); break;
      case Scenario::kOffline: offline(); break;
      case Scenario::kServer: server(); break;
    }
    progress_.clear();
    judge();
    return std::move(result_);
  }

 private:
  void single_stream() {
    std::mt19937_64 random(result_.options.seed);
    const Clock::time_point start = Clock::now();
    while (wants_more()) {
      const std::int64_t sequence = next_sequence(random);
      const Clock::time_point begin = Clock::now();
      const auto rows = runner_.run({&sequence, 1});
      const Clock::time_point end = Clock::now();
      answered({&sequence, 1}, rows);
      result_.latencies.push_back(seconds_between(begin, end));
      result_.seconds = seconds_between(start, end);
    }
  }

  void offline() {
    std::vector<std::int64_t> all(static_cast<std::size_t>(runner_.workload().sequences()));
    std::iota(all.begin(), all.end(), std::int64_t{0});
    while (wants_more()) {
      const Clock::time_point begin = Clock::now();
      const auto rows = runner_.run(all);
      result_.latencies.push_back(seconds_between(begin, Clock::now()));
      result_.seconds += result_.latencies.back();
      answered(all, rows);
    }
  }

  void server() {
    ScenarioOptions& options = result_.options;
    double qps = options.target_qps ? *options.target_qps : highest_rate();
    for (int attempt = 0;; ++attempt) {
      serve(qps, options.seconds);
      if (options.target_qps || keeps_bound() || attempt == 3) break;
      qps *= 0.9;  // the search's short trials were too hopeful
    }
    result_.target_qps = qps;
  }

  /// By bisection between nothing and what batches of kServerBatch reach.
  double highest_rate() {
    std::vector<std::int64_t> batch(kServerBatch);
    std::mt19937_64 random(result_.options.seed);
    for (std::int64_t& sequence : batch) sequence = next_sequence(random);
    double fastest = 1e30;
    for (int i = 0; i < 3; ++i) {
      const Clock::time_point begin = Clock::now();
      runner_.run(batch);
      fastest = std::min(fastest, seconds_between(begin, Clock::now()));
    }
    double high = kServerBatch / fastest, low = 0;
    for (int trial = 0; trial < kSearchTrials; ++trial) {
      const double qps = (low + high) / 2;
      serve(qps, std::max(result_.options.seconds / kSearchTrials, 64 / qps));
      (keeps_bound() ? low : high) = qps;
    }
    return low > 0 ? low : high;
  }

  bool keeps_bound() const {
    return quantile(sorted(result_.latencies), 0.99) <= result_.options.latency_bound;
  }

  /// Answers what has arrived, up to kServerBatch queries together, in the order of arrival.
  void serve(double qps, double seconds) {
    std::mt19937_64 random(result_.options.seed);
    result_.latencies.clear();
    result_.queries = wrong_ = 0;
    std::vector<double> arrivals;
    std::vector<std::int64_t> sequences;
    for (double at = 0; at < seconds || arrivals.empty();) {
      const double uniform = (static_cast<double>(random() >> 11) + 0.5) * 0x1p-53;
      at += -std::log(uniform) / qps;
      arrivals.push_back(at);
      sequences.push_back(next_sequence(random));
    }
    const std::size_t count =
        std::min(arrivals.size(), static_cast<std::size_t>(result_.options.most_queries));
    const Clock::time_point start = Clock::now();
    for (std::size_t next = 0; next < count;) {
      std::this_thread::sleep_until(start + duration(arrivals[next]));
      const double now = seconds_between(start, Clock::now());
      std::size_t last = next + 1;
      while (last < count && last - next < kServerBatch && arrivals[last] <= now) ++last;
      const std::span<const std::int64_t> waiting(sequences.data() + next, last - next);
      const auto rows = runner_.run(waiting);
      const double done = seconds_between(start, Clock::now());
      for (; next < last; ++next) result_.latencies.push_back(done - arrivals[next]);
      answered(waiting, rows);
      result_.seconds = done;
      if (done > 2 * seconds + result_.options.latency_bound) break;  // it falls behind for good
    }
  }

  bool wants_more() const {
    return result_.queries == 0 || (result_.seconds < result_.options.seconds &&
                                    result_.queries < result_.options.most_queries);
  }

  std::int64_t next_sequence(std::mt19937_64& random) const {
    return static_cast<std::int64_t>(random() %
                                     static_cast<std::uint64_t>(runner_.workload().sequences()));
  }

  void answered(std::span<const std::int64_t> sequences, std::span<const float> rows) {
    const auto cols = static_cast<std::size_t>(runner_.cols());
    for (std::size_t i = 0; i < sequences.size(); ++i) {
      const auto found = rows.subspan(i * cols, cols);
      const auto want = expected_.subspan(static_cast<std::size_t>(sequences[i]) * cols, cols);
      const bool right = same_bits_
                             ? std::memcmp(found.data(), want.data(), cols * sizeof(float)) == 0
                             : cosine(found, want) >= kLeastCosine;
      if (!right) ++wrong_;
    }
    result_.queries += static_cast<std::int64_t>(sequences.size());
    progress_.update(result_.queries, std::nullopt);
    throw_if_interrupted();
  }

  void judge() {
    std::vector<std::string>& invalid = result_.invalid;
    const ScenarioOptions& options = result_.options;
    if (result_.seconds < kValidSeconds) {
      invalid.push_back(fmt::format("too short: {:.1f} s, expected at least {} s", result_.seconds,
                                    kValidSeconds));
    }
    if (result_.queries < kValidQueries) {
      invalid.push_back(
          fmt::format("too few queries: {}, expected at least {}", result_.queries, kValidQueries));
    }
    if (wrong_ > 0) {
      invalid.push_back(
          fmt::format("wrong outputs: {} of {} answers differ from the same sequence "
                      "in another batch",
                      wrong_, result_.queries));
    }
    if (options.scenario == Scenario::kServer) {
      const double p99 = quantile(sorted(result_.latencies), 0.99);
      if (p99 > options.latency_bound) {
        invalid.push_back(fmt::format("too slow: p99 is {:.2f} ms, the bound {:.2f} ms", p99 * 1e3,
                                      options.latency_bound * 1e3));
      }
    } else if (const double spread = spread_of_quarters(); spread > kNoise) {
      invalid.push_back(
          fmt::format("too noisy: medians of the run's quarters differ {:.2f} times, "
                      "expected at most {}",
                      spread, kNoise));
    }
  }

  double spread_of_quarters() const {
    const std::size_t quarter = result_.latencies.size() / 4;
    if (quarter == 0) return 1;
    double low = 1e30, high = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      const auto begin = result_.latencies.begin() + static_cast<std::ptrdiff_t>(i * quarter);
      const double median = quantile(
          sorted(std::vector<double>(begin, begin + static_cast<std::ptrdiff_t>(quarter))), 0.5);
      low = std::min(low, median);
      high = std::max(high, median);
    }
    return high / low;
  }

  SequenceRunner& runner_;
  std::span<const float> expected_;
  Progress progress_;
  bool same_bits_;
  std::int64_t wrong_ = 0;
  ScenarioResult result_;
};

}  // namespace

std::string_view to_string(Scenario scenario) noexcept {
  switch (scenario) {
    case Scenario::kSingleStream: return "SingleStream";
    case Scenario::kOffline: return "Offline";
    case Scenario::kServer: return "Server";
  }
  return "";
}

ScenarioResult run_scenario(SequenceRunner& runner, std::span<const float> expected,
                            const ScenarioOptions& options) {
  return Measurement(runner, expected, options).run();
}

}  // namespace weft::cli
