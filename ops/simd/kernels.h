// The row kernels of one instruction set as a table of function pointers. One source
// (kernels.inl) is compiled once per level; nothing else is exported.
#pragma once

#include <cstddef>
#include <cstdint>

#include "weft/types.h"

namespace weft::simd {

enum class Positions : std::uint8_t { kNone, kTables };

/// Rows in a panel of position queries: a multiple of every level's tile of columns.
constexpr std::int64_t kPositionPanel = 32;

/// The position terms of disentangled attention for one head; a table that is null adds nothing.
/// A head's table is one piece: columns of wide rows come late from memory.
struct PositionTables {
  const float* keys;         // (rows, qk_size)
  const float* queries;      // panels of kPositionPanel rows: (panels, qk_size, kPositionPanel)
  const std::int32_t* rows;  // (2 radius + 1): the row of distance query position - key position,
  std::int64_t radius;       // which never falls and rises by one at most
};

/// One (sequence, head) and a range of its queries. Rows of q, k, v and out are column slices.
struct AttentionCall {
  const float* q;  // (queries, qk_size), stride q_stride: the sequence's first query, this head
  const float* k;  // (keys, qk_size), stride k_stride
  const float* v;  // (keys, v_size), stride v_stride
  float* out;      // (queries, v_size), stride out_stride; null: not wanted
  std::int64_t q_stride, k_stride, v_stride, out_stride;  // in floats
  std::int64_t keys, qk_size, v_size;
  std::int64_t first_query, last_query;  // the range to compute
  std::int64_t query_offset;             // query i has position i + query_offset among the keys
  float scale;
  bool causal;                      // key j is seen only if j <= the query's position
  std::int64_t window;              // > 0: only if |j - the query's position| <= window
  const std::int32_t* key_lengths;  // null, or query i sees only keys below key_lengths[i * stride]
  std::int64_t key_lengths_stride;
  const float* bias;  // null, or added to scaled scores by distance: bias[radius + j - position],
  std::int64_t bias_radius;  // the nearest element beyond either end
  PositionTables positions;
  float* weights;               // null, or (queries, keys): the softmax weights
  std::int64_t weights_stride;  // from one query's row to the next
  std::int64_t block_keys;      // at least what any block_queries in a row see
  std::byte* scratch;           // scratch_bytes() long, 64-byte aligned
};

/// One way to compute attention.
struct AttentionKernels {
  const char* name;  // e.g. "attention amx 32x32 bf16"; null: in f32
  std::int64_t block_queries;
  /// For calls with these sizes, `positions` telling whether any has position tables.
  std::size_t (*scratch_bytes)(std::int64_t block_keys, std::int64_t qk_size, std::int64_t v_size,
                               Positions positions);
  void (*attend)(const AttentionCall& call);
};

/// Some heads of one query row over keys named by row number.
struct CachedAttentionCall {
  const float* q;       // (heads, qk_size)
  const float* keys;    // row i, its first head's columns: keys + i * keys_stride
  const float* values;  // likewise
  std::int64_t keys_stride, values_stride;  // in floats
  const std::int32_t* rows;                 // (count): the keys that are seen, in this order
  std::int64_t count;
  std::int64_t heads, qk_size, v_size;
  float scale;
  const float* bias;  // null, or (heads, 2 bias_radius + 1): by distance j - (count - 1)
  std::int64_t bias_stride, bias_radius;
  float* out;     // (heads, v_size)
  float* scores;  // (heads, count): receives the softmax weights
  std::int64_t scores_stride;
};

/// Additive scores of one query.
struct AdditiveCall {
  const float* q;        // (size)
  const float* k;        // (keys, size), stride k_stride
  const float* weights;  // (size)
  float* scores;         // (keys): weights . tanh(q + k)
  std::int64_t k_stride, keys, size;
};

/// Kernel regression for some queries of one sequence: each one's keys in rising order, a tile at a
/// time.
struct RegressionCall {
  const float* q;  // (queries, size), stride q_stride
  const float* k;  // (keys, size), stride k_stride
  const float* v;  // (keys, v_size), stride v_stride
  float* out;      // (queries, v_size), stride out_stride; null: not wanted
  float* weights;  // (queries, keys), stride weights_stride; null: not wanted
  std::int64_t q_stride, k_stride, v_stride, out_stride, weights_stride;
  std::int64_t queries, keys, size, v_size;
  float factor;        // scores are factor * |q - k|^2; not positive
  std::byte* scratch;  // regression_scratch_bytes() long, 64-byte aligned
};

/// Every function computes each row (or element) by the same instructions whatever surrounds it, so
/// equal input gives equal bits. Pointers need no alignment; nothing is read or written beyond the
/// lengths given. NaN and infinity follow the formula.
struct Kernels {
  Isa isa;  // the lowest level that has these kernels
  /// y = f(x) for n elements; x == y allowed. GELU: exact erf form to about 4e-7.
  void (*activation)(Activation kind, const float* x, float* y, std::int64_t n);
  void (*add)(const float* a, const float* b, float* y, std::int64_t n);
  void (*multiply)(const float* a, const float* b, float* y, std::int64_t n);
  /// y = f(a) * b; y may be a or b
  void (*gated)(Activation kind, const float* a, const float* b, float* y, std::int64_t n);
  /// y += a * x
  void (*axpy)(float a, const float* x, float* y, std::int64_t n);
  void (*scale)(float a, const float* x, float* y, std::int64_t n);  // y = a * x; x == y allowed
  void (*maximum)(const float* a, const float* b, float* y, std::int64_t n);
  /// One row: (x - mean) / sqrt(var + eps) * gamma + beta; beta may be null; x == y allowed.
  void (*layer_norm)(const float* x, const float* gamma, const float* beta, float eps, float* y,
                     std::int64_t n);
  /// One row: x / sqrt(mean of x^2 + eps) * gamma; x == y allowed.
  void (*rms_norm)(const float* x, const float* gamma, float eps, float* y, std::int64_t n);
  /// n pairs (a, b), turned: a cos - b sin, b cos + a sin. x == y allowed.
  /// Pair i is x[i], x[n + i]; or, interleaved, x[2 i], x[2 i + 1].
  void (*rotate_halves)(const float* x, const float* cos, const float* sin, float* y,
                        std::int64_t n);
  void (*rotate_interleaved)(const float* x, const float* cos, const float* sin, float* y,
                             std::int64_t n);
  /// One row; an empty row is left alone; a row of -infinity gives zeros. x == y allowed.
  void (*softmax)(const float* x, float* y, std::int64_t n);
  /// The largest element; NaN if one is, -infinity for an empty row.
  float (*largest_or_nan)(const float* x, std::int64_t n);
  /// sum of exp(x - shift), shift being at least the largest element.
  float (*sum_exp)(const float* x, float shift, std::int64_t n);
  /// x / max(||x||, 1e-12); x == y allowed.
  void (*normalize)(const float* x, float* y, std::int64_t n);
  /// Widening, exact.
  void (*from_f16)(const std::uint16_t* x, float* y, std::int64_t n);
  void (*from_bf16)(const std::uint16_t* x, float* y, std::int64_t n);
  AttentionKernels attention;  // in f32
  void (*cached_attention)(const CachedAttentionCall& call);
  void (*additive_scores)(const AdditiveCall& call);
  std::int64_t regression_block_queries;
  std::size_t (*regression_scratch_bytes)(std::int64_t size, std::int64_t v_size);
  void (*regression)(const RegressionCall& call);
  /// One GRU step of one sequence (Cho et al. 2014, as PyTorch has it): x and g (3 n) hold the
  /// input's and the state's projections of the gates reset, update and new, biases included:
  /// y = (1 - z) tanh(x_n + r g_n) + z h, r and z = sigmoid(x + g). y == h allowed.
  void (*gru)(const float* x, const float* g, const float* h, float* y, std::int64_t n);
  /// For roofs: multiply-adds on registers, returning the flops done; and reading n floats (a
  /// multiple of 128). `sink` takes a result that keeps the work from being dropped.
  double (*multiply_add_loop)(std::int64_t rounds, float* sink);
  void (*read_loop)(const float* x, std::int64_t n, float* sink);
};

/// The table of a level, one from kAvx512 on, or null if this build lacks it. Whether the processor
/// can run it is isa.h's question.
const Kernels* kernels(Isa isa) noexcept;

/// Attention whose two products are bfloat16 with sums in f32, or null below kAvx512Bf16: without
/// instructions for it nothing is gained.
const AttentionKernels* bf16_attention(Isa isa) noexcept;

}  // namespace weft::simd
