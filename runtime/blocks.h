// Graph fragments that architectures share. Each mirrors a module of the checkpoint, so that
// weights.sub("attention.self") reads as the file does.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string_view>

#include "runtime/config.h"
#include "weft/graph.h"
#include "weft/weights.h"

namespace weft {

/// Linear layer `weights`.{weight,bias} from `in` to `out` features: activation(x W^T + b) +
/// residual.
Value dense(Graph& graph, const Weights& weights, Value x, std::int64_t out,
            Activation activation = Activation::kNone, Value residual = {});

/// LayerNorm `weights`.{weight,bias} (or gamma, beta).
Value layer_norm(Graph& graph, const Weights& weights, Value x, float eps);

/// Multi-head self-attention with `weights`.{query,key,value} or whatever they are called: one
/// product for the three projections, heads as column slices of it. (rows, cols of x)
AttentionValues self_attention(Graph& graph, const Weights& weights, Value x,
                               const AttentionOptions& options,
                               const std::array<const char*, 3>& names = {"query", "key", "value"});

/// The model's own weights: `checkpoint` itself or the first of `prefixes` under which `tensor` is
/// found, as heads and older programs put before every name. Throws Error(kNotFound) naming all of
/// them.
Weights without_prefix(const Weights& checkpoint, std::initializer_list<const char*> prefixes,
                       std::string_view tensor);

/// config.json's activation names as weft's; "gelu" is the exact erf form.
/// Throws Error(kUnsupported) naming key and value.
Activation read_activation(const Config& config, std::string_view key, std::string fallback);

}  // namespace weft
