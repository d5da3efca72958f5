#include "runtime/blocks.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "runtime/checksum.h"
#include "weft/error.h"

namespace weft {

namespace {

class ComputedRows : public WeightSource {
 public:
  ComputedRows(std::string what, std::int64_t cols, std::vector<Weight> parts, ReadRows read)
      : what_(std::move(what)), cols_(cols), parts_(std::move(parts)), read_(std::move(read)) {}

  // Whole rows only: that is how embedding tables and linear weights are read.
  void read(std::int64_t first, std::int64_t count, void* out) const override {
    read_(parts_, first / cols_, count / cols_, static_cast<float*>(out));
  }
  std::optional<std::uint64_t> fingerprint() const override {
    Checksum sum;
    sum.add(what_);
    for (const Weight& part : parts_) {
      const auto content = part.fingerprint();
      if (!content) return std::nullopt;
      sum.add(static_cast<std::uint64_t>(part.rows())).add(*content);
    }
    return sum.value();
  }
  void add_origins(std::vector<std::shared_ptr<const WeightOrigin>>& out) const override {
    for (const Weight& part : parts_) part.add_origins(out);
  }

 private:
  std::string what_;
  std::int64_t cols_;
  std::vector<Weight> parts_;
  ReadRows read_;
};

}  // namespace

Weight computed_rows(std::string what, std::int64_t rows, std::int64_t cols,
                     std::vector<Weight> parts, ReadRows read) {
  std::string name = parts[0].name();
  return {std::move(name),
          {rows, cols},
          DType::kF32,
          std::make_shared<ComputedRows>(std::move(what), cols, std::move(parts), std::move(read))};
}

Weight stacked_rows(const std::vector<Weight>& parts) {
  std::int64_t all_rows = 0;
  for (const Weight& part : parts) all_rows += part.rows();
  const auto read = [](std::span<const Weight> all, std::int64_t row, std::int64_t rows,
                       float* out) {
    for (const Weight& part : all) {
      const std::int64_t here = std::clamp<std::int64_t>(part.rows() - row, 0, rows);
      if (here > 0) part.read_f32(row, here, out);
      out += here * part.cols();
      rows -= here;
      row = std::max<std::int64_t>(row - part.rows(), 0);
    }
  };
  return computed_rows("stacked", all_rows, parts[0].cols(), parts, read);
}

Value dense(Graph& graph, const Weights& weights, Value x, std::int64_t out, Activation activation,
            Value residual, Bias bias) {
  LinearOptions options;
  if (bias == Bias::kYes) options.bias = weights.get("bias", {out});
  options.activation = activation;
  options.residual = residual;
  return graph.linear(x, weights.get("weight", {out, graph.cols(x)}), options);
}

Value layer_norm(Graph& graph, const Weights& weights, Value x, float eps, Bias bias) {
  const std::int64_t size = graph.cols(x);
  const Weight beta = bias == Bias::kYes ? weights.get("bias", {size}) : Weight();
  return graph.layer_norm(x, weights.get("weight", {size}), beta, eps);
}

Value query_key_value(Graph& graph, const Weights& weights, Value x, std::int64_t inner,
                      const ProjectionNames& names, Bias bias) {
  std::vector<Projection> projections;
  for (const char* name : names) {
    const Weights projection = weights.sub(name);
    projections.push_back({projection.get("weight", {inner, graph.cols(x)}),
                           bias == Bias::kYes ? projection.get("bias", {inner}) : Weight()});
  }
  return graph.linear(x, projections);
}

AttentionValues attention_of(Graph& graph, Value query_key_value, const AttentionOptions& options) {
  const std::int64_t inner = graph.cols(query_key_value) / 3;
  return graph.attention(graph.columns(query_key_value, 0, inner),
                         graph.columns(query_key_value, inner, inner),
                         graph.columns(query_key_value, 2 * inner, inner), options);
}

AttentionValues rotary_attention(Graph& graph, Value query_key_value, const Rotary& rotary,
                                 const AttentionOptions& options) {
  const std::int64_t inner = graph.cols(query_key_value) / 3;
  const Value turned = graph.rotary(graph.columns(query_key_value, 0, 2 * inner), rotary.positions,
                                    rotary.table, 2 * options.heads, rotary.pairs);
  return graph.attention(graph.columns(turned, 0, inner), graph.columns(turned, inner, inner),
                         graph.columns(query_key_value, 2 * inner, inner), options);
}

AttentionValues self_attention(Graph& graph, const Weights& weights, Value x,
                               const AttentionOptions& options, const ProjectionNames& names,
                               Bias bias) {
  return attention_of(graph, query_key_value(graph, weights, x, graph.cols(x), names, bias),
                      options);
}

Value gated_halves(Graph& graph, Value both, Half activated, Activation activation) {
  const std::int64_t half = graph.cols(both) / 2;
  const Value first = graph.columns(both, 0, half);
  const Value second = graph.columns(both, half, half);
  return activated == Half::kFirst ? graph.gated(first, second, activation)
                                   : graph.gated(second, first, activation);
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

Activation activation_named(const Config& config, std::string_view key, std::string_view name) {
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
  for (const auto& [known, activation] : kNames) {
    if (known == name) return activation;
  }
  config.unsupported(key, fmt::format("activation \"{}\" is not supported", name));
}

Activation read_activation(const Config& config, std::string_view key, std::string fallback) {
  return activation_named(config, key, config.text_or(key, std::move(fallback)));
}

}  // namespace weft
