// The decoder of a recurrent encoder-decoder, step by step, over encoded sources.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "runtime/generation/step_decoder.h"
#include "runtime/models/bahdanau.h"
#include "runtime/session_pool.h"

namespace weft {

/// What the encoder leaves of all sources.
struct EncodedSources {
  std::vector<std::int32_t> offsets;     // sources + 1, of the rows of states and keys
  std::vector<float> states, keys;       // (rows, hidden)
  std::vector<std::vector<float>> last;  // per layer, (sources, hidden)

  std::int64_t sources() const { return static_cast<std::int64_t>(offsets.size()) - 1; }
};

class RecurrentDecoder final : public StepDecoder {
 public:
  struct Settings {
    BahdanauSizes sizes;
    RowSpace rows, sources;      // of the step's graph
    std::int64_t most_rows = 0;  // of one step, over all sources
    int threads = 1;
    std::shared_ptr<ThreadBudget> budget;  // of which each step takes threads
    bool weights = false;                  // whether attention() is asked for
  };
  /// `step`: BahdanauGraphs::step compiled. Throws Error(kResourceExhausted).
  RecurrentDecoder(std::shared_ptr<const Model> step, EncodedSources encoded,
                   const Settings& settings);

  std::int64_t sources() const override { return encoded_.sources(); }
  std::int64_t vocabulary_size() const override { return settings_.sizes.decoder_vocabulary; }
  std::int64_t max_steps() const override { return settings_.sizes.max_length; }
  Tensor step(std::span<const HypothesisStep> rows, const StopCondition& stop = {}) override;

  /// Of the last step: the top layer's states (rows, hidden), and what each row saw of its source
  /// (rows, longest source of the step).
  Tensor top_states() const;
  Tensor attention() const;

 private:
  void check(std::span<const HypothesisStep> rows) const;
  void gather_states(std::span<const HypothesisStep> rows);
  void choose_sources(std::span<const HypothesisStep> rows);

  EncodedSources encoded_;
  Settings settings_;
  std::vector<std::string> state_names_;
  Session session_;
  std::vector<std::int32_t> row_sources_;           // of the last step's rows
  std::vector<std::vector<float>> states_;          // per layer, (rows, hidden): a step's input
  std::vector<std::int32_t> row_offsets_;           // of the step's rows, by source
  std::vector<std::int32_t> chosen_;                // sources of the step
  std::vector<std::int32_t> chosen_offsets_;        // of their rows, below
  std::vector<float> chosen_states_, chosen_keys_;  // of the sources of the step; empty: all
};

}  // namespace weft
