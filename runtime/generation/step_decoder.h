// What a search (greedy, beam) needs of a model that writes a text token by token.
#pragma once

#include <cstdint>
#include <span>

#include "weft/session.h"
#include "weft/tensor.h"

namespace weft {

/// One live hypothesis in a step: it continues row `parent` of the step before with `token`.
struct HypothesisStep {
  std::int32_t source = 0;   // which source sequence it is written for
  std::int32_t parent = -1;  // row of the step before; -1: its first step
  std::int32_t token = 0;    // fed in at this step
};

/// Decodes many hypotheses at once. What a row's logits are depends on its source and its tokens
/// only, never on the other rows of its steps. Not thread-safe: one object per search.
class StepDecoder {
 public:
  virtual ~StepDecoder() = default;
  virtual std::int64_t sources() const = 0;
  virtual std::int64_t vocabulary_size() const = 0;
  /// Most steps that a hypothesis may take (its tokens, the start token included).
  virtual std::int64_t max_steps() const = 0;
  /// Raw scores of each row's next token: F32 (rows, vocabulary_size), valid until the next step.
  /// Rows are grouped by source, sources rising; a source without rows has finished, and several
  /// rows may share a parent. Throws Error(kInvalidArgument / kOutOfRange) naming the row,
  /// Error(kResourceExhausted) beyond the rows that the decoder was made for, Error(kCancelled /
  /// kDeadlineExceeded).
  virtual Tensor step(std::span<const HypothesisStep> rows, const StopCondition& stop = {}) = 0;
};

}  // namespace weft
