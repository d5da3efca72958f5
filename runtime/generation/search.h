// Greedy and beam search, token by token what transformers' generate() gives.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "runtime/generation/generation_config.h"
#include "runtime/generation/step_decoder.h"
#include "weft/types.h"

namespace weft {

/// One text per source of a decoder.
struct GeneratedTokens {
  std::int64_t max_length = 0;
  std::vector<std::int32_t> tokens;   // (sources, max_length): the start token, ..., padding
  std::vector<std::int64_t> lengths;  // per source: tokens before the padding

  std::span<const std::int32_t> row(std::int64_t source) const {
    return std::span(tokens).subspan(static_cast<std::size_t>(source * max_length),
                                     static_cast<std::size_t>(lengths[source]));
  }
};

/// What a source's text is depends on that source only; a source whose text has ended takes no part
/// in further steps. `isa`: for the scores' kernels. Throws what StepDecoder::step throws,
/// Error(kOutOfRange) if a text would need more than max_steps(), and Error(kInvalidArgument) if
/// a score is NaN, or infinite in a beam search; both name the source, counted
/// from `first_source`.
GeneratedTokens search(StepDecoder& decoder, const GenerationConfig& config, Isa isa,
                       const StopCondition& stop = {}, std::int64_t first_source = 0);

}  // namespace weft
