// The decoder's side of a batch: decoder_input_ids or decoder_inputs, as stacked rows.
#pragma once

#include <string_view>

#include "runtime/token_batch.h"

namespace weft {

/// decoder_input_ids [B,U], or decoder_inputs F32 [B,U,d] for models of vectors, with an optional
/// decoder_attention_mask [B,U], for `sequences` sources. What lies under padding is never looked
/// at. Throws Error(kInvalidArgument / kOutOfRange) naming the tensor and the place in it.
TokenBatch read_targets(const NamedArrays& inputs, const TokenLimits& limits,
                        std::int64_t sequences);

/// The arrays of the encoder: all whose names do not begin with "decoder_".
NamedArrays source_arrays(const NamedArrays& inputs);

}  // namespace weft
