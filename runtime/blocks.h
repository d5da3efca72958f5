// Graph fragments that architectures share. Each mirrors a module of the checkpoint, so that
// weights.sub("attention.self") reads as the file does.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/config.h"
#include "weft/graph.h"
#include "weft/weights.h"

namespace weft {

/// Whether a layer has a bias, as its config says: never inferred from the file.
enum class Bias : std::uint8_t { kYes, kNo };

/// Linear layer `weights`.{weight,bias} from `in` to `out` features: activation(x W^T + b) +
/// residual.
Value dense(Graph& graph, const Weights& weights, Value x, std::int64_t out,
            Activation activation = Activation::kNone, Value residual = {}, Bias bias = Bias::kYes);

/// LayerNorm `weights`.{weight,bias} (or gamma, beta).
Value layer_norm(Graph& graph, const Weights& weights, Value x, float eps, Bias bias = Bias::kYes);

/// What the query, key and value projections of a layer are called.
using ProjectionNames = std::array<const char*, 3>;
inline constexpr ProjectionNames kBertProjections{"query", "key", "value"};

/// The three projections of x side by side, as one product: (rows, 3 * inner), queries first.
Value query_key_value(Graph& graph, const Weights& weights, Value x, std::int64_t inner,
                      const ProjectionNames& names = kBertProjections, Bias bias = Bias::kYes);

/// Attention over the three parts of query_key_value(), heads as column slices of each.
AttentionValues attention_of(Graph& graph, Value query_key_value, const AttentionOptions& options);

/// The same with queries and keys turned by their positions first (Su et al. 2021).
struct Rotary {
  Value positions;  // I32, (rows, 1)
  Value table;      // a constant made of rotary_table()
  RotaryPairs pairs = RotaryPairs::kHalves;
};
AttentionValues rotary_attention(Graph& graph, Value query_key_value, const Rotary& rotary,
                                 const AttentionOptions& options);

/// Multi-head self-attention as wide as x: both of the above. (rows, cols of x)
AttentionValues self_attention(Graph& graph, const Weights& weights, Value x,
                               const AttentionOptions& options,
                               const ProjectionNames& names = kBertProjections,
                               Bias bias = Bias::kYes);

/// Gated linear unit (Shazeer 2020) over two projections side by side: the activation of the half
/// that is `activated`, times the other. (rows, half of the columns)
enum class Half : std::uint8_t { kFirst, kSecond };
Value gated_halves(Graph& graph, Value both, Half activated, Activation activation);

/// A matrix made from `parts`, of which the first gives it its name, when the model is compiled:
/// `read` writes `rows` of its rows from `first` on, row-major. `what`, with the parts' content,
/// tells its values from others in a packed cache.
using ReadRows = std::function<void(std::span<const Weight> parts, std::int64_t first,
                                    std::int64_t rows, float* out)>;
Weight computed_rows(std::string what, std::int64_t rows, std::int64_t cols,
                     std::vector<Weight> parts, ReadRows read);

/// Matrices of equally many columns, one below the other, as F32.
Weight stacked_rows(const std::vector<Weight>& parts);

/// The model's own weights: `checkpoint` itself or the first of `prefixes` under which `tensor` is
/// found, as heads and older programs put before every name. Throws Error(kNotFound) naming all of
/// them.
Weights without_prefix(const Weights& checkpoint, std::initializer_list<const char*> prefixes,
                       std::string_view tensor);

/// config.json's activation names as weft's; "gelu" is the exact erf form.
/// Throws Error(kUnsupported) naming key and value.
Activation read_activation(const Config& config, std::string_view key, std::string fallback);
/// The same for a name that is part of the value of `key`.
Activation activation_named(const Config& config, std::string_view key, std::string_view name);

}  // namespace weft
