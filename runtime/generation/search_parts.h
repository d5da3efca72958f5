// What greedy and beam search share.
#pragma once

#include <cstdint>

#include "runtime/generation/score_processor.h"
#include "runtime/generation/search.h"

namespace weft {

struct SearchCall {
  StepDecoder& decoder;
  const GenerationConfig& config;
  const RowScores& row_scores;
  const StopCondition& stop;
  std::int64_t first_source;  // number of the decoder's first, for messages

  bool is_end(std::int32_t token) const;
  /// Throws Error(kOutOfRange) if hypotheses of `length` tokens can go no further.
  void require_step(std::int64_t length, std::int32_t source) const;
  [[noreturn]] void refuse_scores(std::int64_t length, std::int32_t source) const;
};

/// Fill `result`, whose rows hold the start token and padding.
void greedy_search(const SearchCall& call, GeneratedTokens& result);
void beam_search(const SearchCall& call, GeneratedTokens& result);

}  // namespace weft
