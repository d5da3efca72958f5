// Modules of torch.nn by their own names.
#pragma once

#include "runtime/blocks.h"

namespace weft {

/// What torch.nn.MultiheadAttention does before its out_proj: in_proj_weight, in_proj_bias.
AttentionValues torch_self_attention(Graph& graph, const Weights& weights, Value x,
                                     std::int64_t heads, Bias bias);

}  // namespace weft
