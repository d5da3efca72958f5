#include "runtime/blocks.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <utility>

#include "weft/error.h"

namespace weft {

Value dense(Graph& graph, const Weights& weights, Value x, std::int64_t out, Activation activation,
            Value residual) {
  LinearOptions options;
  options.bias = weights.get("bias", {out});
  options.activation = activation;
  options.residual = residual;
  return graph.linear(x, weights.get("weight", {out, graph.cols(x)}), options);
}

Value layer_norm(Graph& graph, const Weights& weights, Value x, float eps) {
  const std::int64_t size = graph.cols(x);
  return graph.layer_norm(x, weights.get("weight", {size}), weights.get("bias", {size}), eps);
}

AttentionValues self_attention(Graph& graph, const Weights& weights, Value x,
                               const AttentionOptions& options,
                               const std::array<const char*, 3>& names) {
  const std::int64_t hidden = graph.cols(x);
  std::vector<Projection> projections;
  for (const char* name : names) {
    const Weights projection = weights.sub(name);
    projections.push_back(
        {projection.get("weight", {hidden, hidden}), projection.get("bias", {hidden})});
  }
  const Value qkv = graph.linear(x, projections);  // (rows, 3 * hidden)
  return graph.attention(graph.columns(qkv, 0, hidden), graph.columns(qkv, hidden, hidden),
                         graph.columns(qkv, 2 * hidden, hidden), options);
}

Weights without_prefix(const Weights& checkpoint, std::initializer_list<const char*> prefixes,
                       std::string_view tensor) {
  if (checkpoint.has(tensor)) return checkpoint;
  std::string tried(tensor);
  for (const char* prefix : prefixes) {
    const Weights weights = checkpoint.sub(prefix);
    if (weights.has(tensor)) return weights;
    tried += fmt::format(" or {}.{}", prefix, tensor);
  }
  throw Error(Reason::kNotFound,
              fmt::format("{}: no tensor {}", fmt::join(checkpoint.files(), ", "), tried));
}

Activation read_activation(const Config& config, std::string_view key, std::string fallback) {
  static constexpr std::array<std::pair<std::string_view, Activation>, 9> kNames{{
      {"gelu", Activation::kGelu},
      {"gelu_new", Activation::kGeluTanh},
      {"gelu_pytorch_tanh", Activation::kGeluTanh},
      {"gelu_fast", Activation::kGeluTanh},
      {"relu", Activation::kRelu},
      {"silu", Activation::kSilu},
      {"swish", Activation::kSilu},
      {"tanh", Activation::kTanh},
      {"sigmoid", Activation::kSigmoid},
  }};
  const std::string name = config.text_or(key, std::move(fallback));
  for (const auto& [known, activation] : kNames) {
    if (known == name) return activation;
  }
  config.unsupported(key, fmt::format("activation \"{}\" is not supported", name));
}

}  // namespace weft
