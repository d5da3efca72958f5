#include "cli/sequence_runner.h"

#include "cli/interruption.h"

namespace weft::cli {

void SequenceRunner::run_all(std::span<float> rows, Profile* profile) const {
  const StopCondition stop{&interruption_flag(), {}};
  if (workload_.of_images()) {
    model_->embed_images(workload_.pixel_values.values<float>(), rows,
                         {.stop = stop, .profile = profile});
  } else {
    model_->embed(workload_.ids, workload_.offsets, rows, {.stop = stop, .profile = profile});
  }
}

std::span<const float> SequenceRunner::run(std::span<const std::int64_t> sequences) {
  rows_.resize(sequences.size() * static_cast<std::size_t>(cols()));
  const StopCondition stop{&interruption_flag(), {}};
  if (workload_.of_images()) {
    const auto all = workload_.pixel_values.values<float>();
    const std::size_t size = all.size() / static_cast<std::size_t>(workload_.sequences());
    pixel_values_.clear();
    for (const std::int64_t image : sequences) {
      const auto begin = all.begin() + image * static_cast<std::ptrdiff_t>(size);
      pixel_values_.insert(pixel_values_.end(), begin, begin + static_cast<std::ptrdiff_t>(size));
    }
    model_->embed_images(pixel_values_, rows_, {.stop = stop});
    return rows_;
  }
  ids_.clear();
  offsets_.assign(1, 0);
  for (const std::int64_t sequence : sequences) {
    const auto begin = workload_.ids.begin() + workload_.offsets[sequence];
    const auto end = workload_.ids.begin() + workload_.offsets[sequence + 1];
    ids_.insert(ids_.end(), begin, end);
    offsets_.push_back(static_cast<std::int64_t>(ids_.size()));
  }
  model_->embed(ids_, offsets_, rows_, {.stop = stop});
  return rows_;
}

}  // namespace weft::cli
