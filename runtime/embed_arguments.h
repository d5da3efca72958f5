// The checks of TransformerModel::embed and logits, all made before anything is computed.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "runtime/token_batch.h"
#include "weft/transformer_model.h"

namespace weft {

/// Throws Error(kInvalidArgument / kOutOfRange) naming the argument and the place in it.
void check_embed_arguments(std::span<const std::int32_t> ids, std::span<const std::int64_t> offsets,
                           std::span<float> out, const EmbedOptions& options,
                           const TokenLimits& limits, std::int64_t embedding_size);
/// Wanted tokens must rise, key lengths lie between 0 and the sequence's length.
void check_token_vector_arguments(std::span<const std::int32_t> ids,
                                  std::span<const std::int64_t> offsets,
                                  const TokenVectorOptions& options, const TokenLimits& limits);
/// Wanted tokens must rise.
void check_logits_arguments(std::span<const std::int32_t> ids,
                            std::span<const std::int64_t> offsets, const LogitsOptions& options,
                            const TokenLimits& limits, HeadKind kind);

}  // namespace weft
