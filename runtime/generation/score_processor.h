// Changes the scores of next tokens as the rules of a generation say.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "ops/row_scores.h"
#include "runtime/generation/generation_config.h"

namespace weft {

class ScoreProcessor {
 public:
  /// Keeps references to `config` and `row_scores`. `vocabulary_size`: columns of a row of scores.
  ScoreProcessor(const GenerationConfig& config, const RowScores& row_scores,
                 std::int64_t vocabulary_size);

  /// Whether apply() does anything for texts of this many tokens.
  bool active(std::int64_t length) const;
  /// In the order of ScoreRules, as transformers' processors do: on raw logits if greedy, on
  /// log-probabilities with beams. `tokens`: those so far, the start token included.
  void apply(std::span<const std::int32_t> tokens, std::span<float> scores);

 private:
  void penalize_repetition(std::span<const std::int32_t> tokens, std::span<float> scores);
  void ban_repeated_ngrams(std::span<const std::int32_t> tokens, std::span<float> scores) const;
  void ban_bad_words(std::span<const std::int32_t> tokens, std::span<float> scores) const;
  bool bans_end(std::int64_t length) const;
  bool forces_bos(std::int64_t length) const;
  bool forces_eos(std::int64_t length) const;

  const GenerationConfig& config_;
  const ScoreRules& rules_;
  const RowScores& row_scores_;
  std::vector<bool> seen_;  // per token of the vocabulary; all false between calls
};

}  // namespace weft
