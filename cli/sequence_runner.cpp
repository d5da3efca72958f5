#include "cli/sequence_runner.h"

#include "cli/interruption.h"

namespace weft::cli {

void SequenceRunner::run_all(std::span<float> rows, Profile* profile) const {
  EmbedOptions options;
  options.stop.cancel = &interruption_flag();
  options.profile = profile;
  model_->embed(workload_.ids, workload_.offsets, rows, options);
}

std::span<const float> SequenceRunner::run(std::span<const std::int64_t> sequences) {
  ids_.clear();
  offsets_.assign(1, 0);
  for (const std::int64_t sequence : sequences) {
    const auto begin = workload_.ids.begin() + workload_.offsets[sequence];
    const auto end = workload_.ids.begin() + workload_.offsets[sequence + 1];
    ids_.insert(ids_.end(), begin, end);
    offsets_.push_back(static_cast<std::int64_t>(ids_.size()));
  }
  rows_.resize(sequences.size() * static_cast<std::size_t>(cols()));
  EmbedOptions options;
  options.stop.cancel = &interruption_flag();
  model_->embed(ids_, offsets_, rows_, options);
  return rows_;
}

}  // namespace weft::cli
