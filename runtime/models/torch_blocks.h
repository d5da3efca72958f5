// Modules of torch.nn by their own names.
#pragma once

#include "runtime/blocks.h"
#include "runtime/models/model_graph.h"

namespace weft {

/// What torch.nn.MultiheadAttention does before its out_proj: in_proj_weight, in_proj_bias.
AttentionValues torch_self_attention(Graph& graph, const Weights& weights, Value x,
                                     std::int64_t heads, Bias bias);

/// Where a layer's LayerNorms stand: norm_first or not.
enum class TorchNorm : std::uint8_t { kBefore, kAfter };

/// What the constructors of torch.nn's Transformer layers take beside sizes.
struct TorchSettings {
  Activation activation;
  float eps;
  TorchNorm norm;
  Bias bias;
};
TorchSettings read_torch_settings(const Config& config);

/// linear2(activation(linear1(x))) + residual.
Value torch_feed_forward(ModelGraph& model, const Weights& layer, Value x, Value residual,
                         std::int64_t intermediate_size, const TorchSettings& settings);

/// One torch.nn.TransformerEncoderLayer; notes its input and its attention.
Value torch_encoder_layer(ModelGraph& model, const Weights& layer, Value x,
                          const TorchSettings& settings);

}  // namespace weft
