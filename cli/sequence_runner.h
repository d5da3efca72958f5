// Encodes chosen sequences or images of a workload: what every measurement of `weft bench` times.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "cli/workload.h"
#include "weft/transformer_model.h"

namespace weft::cli {

class SequenceRunner {
 public:
  /// Keeps a reference to `workload`.
  SequenceRunner(std::shared_ptr<const TransformerModel> model, const Workload& workload)
      : model_(std::move(model)), workload_(workload) {}

  const Workload& workload() const noexcept { return workload_; }
  const TransformerModel& model() const noexcept { return *model_; }
  const std::shared_ptr<const TransformerModel>& shared_model() const noexcept { return model_; }
  std::int64_t cols() const noexcept { return model_->embedding_size(); }

  /// Rows of the whole workload. `rows` holds sequences() x cols() floats.
  void run_all(std::span<float> rows, Profile* profile = nullptr) const;
  /// Rows of these sequences, in their order, valid until the next call.
  std::span<const float> run(std::span<const std::int64_t> sequences);

 private:
  std::shared_ptr<const TransformerModel> model_;
  const Workload& workload_;
  std::vector<std::int32_t> ids_;
  std::vector<float> pixel_values_;
  std::vector<std::int64_t> offsets_;
  std::vector<float> rows_;
};

}  // namespace weft::cli
