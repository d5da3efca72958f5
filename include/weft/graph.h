// A Graph is a recipe: operators in execution order over values whose rows are ragged.
// It is built by plain C++ (weft's own architectures use this very class), checked as it is built,
// and turned into something that runs by Model::compile. There is no registry of operators and no
// pattern matching: fusion is stated by the builder, linear(x, w, {.activation, .residual}).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "weft/types.h"
#include "weft/weight.h"

namespace weft {

/// A set of rows whose number is known at run time (tokens, sequences) or fixed.
struct RowSpace {
  std::int32_t id = -1;
  friend bool operator==(RowSpace, RowSpace) = default;
};

/// A matrix flowing through the graph: (rows of its row space) x cols. A handle, owned by its
/// graph.
struct Value {
  std::int32_t id = -1;
  explicit operator bool() const noexcept { return id >= 0; }
};

struct LinearOptions {
  Weight bias{};                              ///< (out_features), optional
  Activation activation = Activation::kNone;  ///< applied to x W^T + b
  Value residual{};                           ///< added after the activation, optional
};

/// One of several projections of the same input, computed as one product.
struct Projection {
  Weight weight;  ///< (out_features, in_features)
  Weight bias;    ///< (out_features), optional
};

/// One look-up of an embedding: row `ids[i]` of `table`.
struct Lookup {
  Weight table;  ///< (entries, hidden), kept in its stored dtype, widened exactly
  Value ids;     ///< I32, one column; checked against the table before a run
};

/// Disentangled attention (He et al. 2021): to the score of query i and key j, at the distance
/// i - j, scale times q_i . position_keys[row] (content to position) and k_j .
/// position_queries[row] (position to content) is added. Tables are F32 with columns as q's and as
/// many fixed rows as the 2 span rows of DeBERTa-v2's projected relative embeddings; either may be
/// absent. Computed from constants, they cost nothing in a run.
struct DisentangledPositions {
  Value position_keys{};
  Value position_queries{};
  /// 0: span = max_distance, a row per distance. Else span = buckets; distances beyond buckets / 2
  /// share logarithmic ranges (transformers' position_buckets; its -1 is 0 here).
  std::int64_t buckets = 0;
  std::int64_t max_distance = 512;  ///< max_relative_positions
};

/// A query's position among the keys is its row in the sequence; with kCausal, which aligns the
/// last query with the last key, + keys - queries.
struct AttentionOptions {
  std::int64_t heads = 1;  ///< q, k, v are split into this many column slices
  float scale = 0;         ///< 0: 1 / sqrt(head size of q)
  KeyRule keys = KeyRule::kAll;
  /// > 0: only keys with |key position - query position| <= window are seen; time and memory grow
  /// with the window, not with the sequence. 0: no window.
  std::int64_t window = 0;
  /// Optional, added to the scaled scores: F32, `heads` fixed rows of 2 R + 1 finite numbers; a key
  /// at distance d = key position - query position takes column R + d, the outermost column beyond
  /// R. Made by alibi_bias and bucket_bias (weft/positions.h), or any other.
  Value distance_bias{};
  /// Optional: how many of its sequence's keys a query sees, the first ones. I32, one column, rows
  /// as q's (one length per query) or sequence_rows of q's or k's. A run checks them against the
  /// keys of the sequence; what lies beyond is never read, and 0 gives zeros.
  Value key_lengths{};
  DisentangledPositions positions{};
};

/// A query's position is that of the last key that it lists.
struct CachedAttentionOptions {
  std::int64_t heads = 1;
  float scale = 0;  ///< 0: 1 / sqrt(head size of q)
  /// Optional: as AttentionOptions::distance_bias.
  Value distance_bias{};
  /// Optional, together: before query r looks, row r of new_keys and new_values (rows as q's) is
  /// written to row new_rows[r] of the state that keys and values are columns of. new_rows is I32,
  /// rows as q's; a row that one query writes may be listed by that query alone, which a run
  /// checks.
  Value new_keys{}, new_values{}, new_rows{};
};

struct AttentionValues {
  Value output;   ///< (query rows, heads * head size of v)
  Value weights;  ///< the softmax weights; computed only when asked for as an output
};

struct AdditiveOptions {
  KeyRule keys = KeyRule::kAll;
  Value key_lengths{};  ///< as AttentionOptions::key_lengths
};

/// Which columns of a row a softmax sees; the others are not read and get 0.
struct SoftmaxMask {
  /// Optional: the first ones. I32, one column, rows as x's or sequence_rows of x's; a run checks
  /// them against the columns of x.
  Value lengths{};
  KeyRule keys = KeyRule::kAll;  ///< kCausal: row i of a sequence sees columns 0 .. i
};

/// One layer of torch.nn.GRU, by its names: gates r, z, n below each other.
struct GruLayer {
  Weight weight_ih;  ///< (3 H, columns of the input)
  Weight weight_hh;  ///< (3 H, H)
  Weight bias_ih{};  ///< (3 H), optional
  Weight bias_hh{};  ///< (3 H), optional
};

struct GruValues {
  Value states;             ///< of the last layer, (rows of x, H)
  std::vector<Value> last;  ///< each layer's state after the last row, (sequences, H)
};

class WEFT_API Graph {
 public:
  Graph();
  ~Graph();
  Graph(Graph&&) noexcept;
  Graph& operator=(Graph&&) noexcept;
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

  // Every function below throws Error(kInvalidArgument) whose message begins with the operator's
  // name in brackets when shapes, row spaces or dtypes do not fit; the graph is then unchanged.

  /// Rows grouped in sequences; offsets are given with each run.
  RowSpace ragged_rows(std::string name);
  /// One row per sequence of `ragged`.
  RowSpace sequence_rows(RowSpace ragged);
  /// Exactly n rows, one sequence.
  RowSpace fixed_rows(std::int64_t n);

  /// Rows of states: how many is a limit of the session (SessionLimits::spaces).
  RowSpace state_rows(std::string name);
  /// F32, zeros at first: kept by a session from run to run, written by cached_attention.
  Value state(RowSpace rows, std::int64_t cols);

  Value input(std::string name, RowSpace rows, std::int64_t cols);  ///< F32, given with each run
  /// I32, one column. Ids are checked to lie in [0, limit of every table that uses them).
  Value input_ids(std::string name, RowSpace rows);
  /// A parameter as a value with fixed rows (rows(), cols()). What depends on constants alone is
  /// computed once, when the model is compiled.
  Value constant(const Weight& weight);

  /// Sum of the look-ups, in the order given. (rows of ids, hidden)
  Value embedding(const std::vector<Lookup>& lookups);
  /// activation(x W^T + bias) + residual. W is (out_features, in_features).
  Value linear(Value x, const Weight& weight, const LinearOptions& options = {});
  /// Several projections of x side by side: (rows, sum of out_features). Take columns() of it.
  Value linear(Value x, const std::vector<Projection>& projections);
  /// a b, or a b^T: a (rows, K); b in a fixed row space, (K, N) or (N, K).
  Value matmul(Value a, Value b);
  Value matmul_transposed(Value a, Value b);
  /// (x - mean) / sqrt(var + eps) * gamma + beta over each row, var without Bessel's correction.
  /// beta may be empty.
  Value layer_norm(Value x, const Weight& gamma, const Weight& beta, float eps);
  /// x / sqrt(mean of x^2 + eps) * gamma over each row.
  Value rms_norm(Value x, const Weight& gamma, float eps);
  /// Every head's columns turned by the row's position (Su et al. 2021): `positions` I32, rows as
  /// x's, one column, checked before a run to lie within `table`, a constant made of rotary_table
  /// (weft/positions.h), which decides how many columns of a head are turned. Turn queries and keys
  /// at once where they lie side by side, with heads = 2 * attention heads.
  Value rotary(Value x, Value positions, Value table, std::int64_t heads,
               RotaryPairs pairs = RotaryPairs::kHalves);
  Value softmax(Value x);  ///< over each row
  Value activation(Value x, Activation activation);
  Value gated(Value a, Value b, Activation activation);  ///< activation(a) * b
  Value add(Value a, Value b);                           ///< same rows and cols
  Value multiply(Value a, Value b);                      ///< same rows and cols
  /// Columns [first, first + count) of x: a view, nothing is copied.
  Value columns(Value x, std::int64_t first, std::int64_t count);
  /// softmax(scale q k^T + bias) v within each sequence and head (Vaswani et al. 2017, eq. 1). q's
  /// rows and k's rows may be different ragged spaces with equally many sequences; v's rows are
  /// k's.
  AttentionValues attention(Value q, Value k, Value v, const AttentionOptions& options);
  /// Attention of single queries (each row of q a sequence of its own) over the keys that each
  /// lists: sequence r of key_rows, I32 ids of ragged rows, holds the rows of keys and values that
  /// query r sees, in order; a run checks them. Weights: as attention's, by place in the list.
  AttentionValues cached_attention(Value q, Value keys, Value values, Value key_rows,
                                   const CachedAttentionOptions& options);
  /// softmax(weights . tanh(q + k)) v within each sequence (Bahdanau et al. 2015): q and k are
  /// projections of queries and keys to one width, as many as `weights` has elements.
  AttentionValues additive_attention(Value q, Value k, Value v, const Weight& weights,
                                     const AdditiveOptions& options = {});
  /// Nadaraya-Watson regression within each sequence: softmax(-|(q - k) w|^2 / 2) v. `width` is w,
  /// one element; without it 1. Memory does not grow with the keys (but for the weights).
  AttentionValues kernel_regression(Value q, Value k, Value v, const Weight& width = {});
  /// softmax over the columns of each row that the mask lets it see; a row that sees none is zeros.
  Value masked_softmax(Value x, const SoftmaxMask& mask);
  /// Gated recurrent units over each sequence (torch.nn.GRU), layer upon layer. `first_states`:
  /// (sequences of x, H) per layer; none: zeros.
  GruValues gru(Value x, const std::vector<GruLayer>& layers,
                const std::vector<Value>& first_states = {});
  /// One step of every row (torch.nn.GRUCell): from x (rows, in) and state h (rows, H) the next.
  Value gru_cell(Value x, Value h, const GruLayer& layer);
  /// Each row with those around it in its sequence, `width` (odd) rows in all, zeros beyond the
  /// ends: y[t, c * width + j] = x[t + j - (width - 1) / 2, c]. A linear layer of it is a
  /// convolution, with torch's Conv1d weight (out, cols, width) reshaped to (out, cols * width).
  Value neighbors(Value x, std::int64_t width);
  /// One row per sequence. `skip`, optional, I32 (sequences, 1): leading rows to leave out.
  Value pool(Value x, Pooling pooling, Value skip = {});
  /// Values side by side: (rows, sum of cols).
  Value concat(const std::vector<Value>& values);
  /// x / max(||x||_2, 1e-12) over each row.
  Value normalize(Value x);

  /// Gives a value a name by which a session returns it. Names are unique.
  void output(std::string name, Value value);

  std::int64_t cols(Value value) const;
  RowSpace rows(Value value) const;

  struct Impl;
  Impl& impl() noexcept { return *impl_; }
  const Impl& impl() const noexcept { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace weft
