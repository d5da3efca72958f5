// The measurements behind `weft bench --report` that go beyond one workload.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/sequence_runner.h"

namespace weft::cli {

struct RatePoint {
  std::int64_t length, sequences;  // of one call
  double tokens_per_second;
};

struct ThreadPoint {
  int threads;
  double sequences_per_second;
};

/// Rows (tokens) that engines compute which pad every batch to its longest sequence.
struct Padding {
  std::int64_t tokens = 0;            // what weft computes
  std::int64_t padded_in_order = 0;   // batches of kPaddingBatch as the sequences come
  std::int64_t padded_by_length = 0;  // the same, sorted by length first
};
inline constexpr std::int64_t kPaddingBatch = 32;

struct Accuracy {
  double cosine_min = 1, cosine_mean = 1;  // of each sequence's row to f32's
};

/// Called before each step with what comes.
using Tell = std::function<void(const std::string& step)>;

/// Each length up to the model's maximum with each number of sequences, `seconds` each.
std::vector<RatePoint> measure_rates(const std::shared_ptr<const TransformerModel>& model,
                                     double seconds, const Tell& tell);
/// The workload on 1, 2, 4, ... threads up to those of `options`, each with a model of its own.
std::vector<ThreadPoint> measure_threads(const std::string& directory, LoadOptions options,
                                         int most_threads, const Workload& workload, double seconds,
                                         const Tell& tell);
Padding count_padding(const Workload& workload);
/// None when `options` ask for f32.
std::optional<Accuracy> measure_accuracy(const std::string& directory, LoadOptions options,
                                         const Workload& workload, std::span<const float> rows);

}  // namespace weft::cli
