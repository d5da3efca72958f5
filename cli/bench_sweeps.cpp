#include "cli/bench_sweeps.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "cli/interruption.h"
#include "cli/statistics.h"

namespace weft::cli {
namespace {

using Clock = std::chrono::steady_clock;

std::vector<float> rows_for(const SequenceRunner& runner) {
  return std::vector<float>(
      static_cast<std::size_t>(runner.workload().sequences() * runner.cols()));
}

/// The median of passes over the whole workload, after one to warm up.
double median_seconds(const SequenceRunner& runner, std::vector<float>& rows, double seconds) {
  runner.run_all(rows);
  std::vector<double> times;
  double total = 0;
  while (times.size() < 3 || total < seconds) {
    const Clock::time_point begin = Clock::now();
    runner.run_all(rows);
    times.push_back(std::chrono::duration<double>(Clock::now() - begin).count());
    total += times.back();
    throw_if_interrupted();
  }
  return quantile(sorted(std::move(times)), 0.5);
}

}  // namespace

std::vector<RatePoint> measure_rates(const std::shared_ptr<const TransformerModel>& model,
                                     double seconds, const Tell& tell) {
  std::vector<RatePoint> points;
  for (const std::int64_t sequences : {1, 4, 16, 64}) {
    for (const std::int64_t length : {8, 16, 32, 64, 128, 256, 512}) {
      if (length > model->max_tokens()) break;
      tell(fmt::format("{} x {} tokens", sequences, length));
      const std::vector<std::int64_t> lengths(static_cast<std::size_t>(sequences), length);
      const Workload workload = generate_workload(lengths, length, model->vocabulary_size());
      const SequenceRunner runner(model, workload);
      std::vector<float> rows = rows_for(runner);
      points.push_back(
          {length, sequences,
           static_cast<double>(workload.tokens()) / median_seconds(runner, rows, seconds)});
    }
  }
  return points;
}

std::vector<ThreadPoint> measure_threads(const std::string& directory, LoadOptions options,
                                         int most_threads, const Workload& workload, double seconds,
                                         const Tell& tell) {
  std::vector<int> counts;
  for (int threads = 1; threads < most_threads; threads *= 2) counts.push_back(threads);
  counts.push_back(most_threads);
  std::vector<ThreadPoint> points;
  for (const int threads : counts) {
    tell(fmt::format("{} threads", threads));
    options.limits.threads = threads;
    const SequenceRunner runner(TransformerModel::load(directory, options), workload);
    std::vector<float> rows = rows_for(runner);
    points.push_back({threads, static_cast<double>(workload.sequences()) /
                                   median_seconds(runner, rows, seconds)});
  }
  return points;
}

Padding count_padding(const Workload& workload) {
  std::vector<std::int64_t> lengths;
  for (std::size_t i = 0; i + 1 < workload.offsets.size(); ++i) {
    lengths.push_back(workload.offsets[i + 1] - workload.offsets[i]);
  }
  const auto padded = [&] {
    std::int64_t rows = 0;
    for (auto begin = lengths.begin(); begin != lengths.end();) {
      const auto end = begin + std::min<std::ptrdiff_t>(kPaddingBatch, lengths.end() - begin);
      rows += *std::max_element(begin, end) * (end - begin);
      begin = end;
    }
    return rows;
  };
  Padding padding{.tokens = workload.tokens(), .padded_in_order = padded()};
  std::sort(lengths.begin(), lengths.end());
  padding.padded_by_length = padded();
  return padding;
}

std::optional<Accuracy> measure_accuracy(const std::string& directory, LoadOptions options,
                                         const Workload& workload, std::span<const float> rows) {
  if (options.compile.dtype == ComputeType::kF32) return std::nullopt;
  options.compile.dtype = ComputeType::kF32;
  const SequenceRunner runner(TransformerModel::load(directory, options), workload);
  std::vector<float> exact = rows_for(runner);
  runner.run_all(exact);
  Accuracy accuracy{.cosine_min = 1, .cosine_mean = 0};
  const auto cols = static_cast<std::size_t>(runner.cols());
  for (std::size_t at = 0; at < exact.size(); at += cols) {
    double ab = 0, aa = 0, bb = 0;
    for (std::size_t i = at; i < at + cols; ++i) {
      ab += static_cast<double>(exact[i]) * rows[i];
      aa += static_cast<double>(exact[i]) * exact[i];
      bb += static_cast<double>(rows[i]) * rows[i];
    }
    const double cosine = ab / std::sqrt(aa * bb);
    accuracy.cosine_min = std::min(accuracy.cosine_min, cosine);
    accuracy.cosine_mean += cosine / static_cast<double>(workload.sequences());
  }
  return accuracy;
}

}  // namespace weft::cli
