// A StepDecoder over an EncoderDecoder: sources are encoded once, every hypothesis lists the rows
// of the key/value cache that its tokens were written to.
#pragma once

#include <cstdint>
#include <memory>

#include "runtime/generation/step_decoder.h"
#include "runtime/token_batch.h"
#include "weft/encoder_decoder.h"

namespace weft {

/// What a decoder is made for: memory for all of it is taken at once.
struct DecodeLimits {
  std::int64_t rows = 0;         // most hypotheses of a step: beams * sources
  std::int64_t steps = 0;        // most tokens of a hypothesis, the start token included
  std::size_t memory_bytes = 0;  // most that may be taken; 0: the machine's memory
};

/// Encodes the sources, read with EncoderDecoder::Impl::source_limits (a batch without padding:
/// ids, position_ids from append_positions(), offsets). Throws Error: kFailedPrecondition if the
/// model has no head that scores a vocabulary, kOutOfRange for more steps than the model has
/// positions, kResourceExhausted, before anything is allocated, if the limits ask for more memory
/// than may be taken; kInvalidArgument; what `stop` asks for.
std::unique_ptr<StepDecoder> new_step_decoder(std::shared_ptr<const EncoderDecoder> model,
                                              const TokenBatch& sources, const DecodeLimits& limits,
                                              const StopCondition& stop = {});

}  // namespace weft
