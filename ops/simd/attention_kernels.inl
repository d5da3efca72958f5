// softmax(scale q k^T) v for one sequence and head. Queries lie in the lanes of the vectors: a
// block of 2 kWidth queries is transposed once, scores are held key by key, so that the softmax
// runs down columns without horizontal sums and nothing of k or v is packed. Refused: keys in the
// lanes, which transposes all of k for every range of queries.
//
// Every score is one chain over the head's columns, every sum and context element one chain over
// the keys from the sequence's start; blocks, tiles and ranges of queries cannot change a bit.

#include "ops/simd/attention_tiles.inl"
#include "ops/simd/transpose.inl"

namespace weft::simd {
namespace {

constexpr int kBlockQueries = kTileVectors * kWidth;
constexpr int64_t kFloatsPerLine = 16;
constexpr int64_t kKeyChunk = 128;  // keys whose weights and values stay in L1 between tiles

constexpr int64_t round_up(int64_t n, int64_t multiple) {
  return (n + multiple - 1) / multiple * multiple;
}

// 2^x for x <= 0, relative error below 2e-7; exactly 1 for 0, exactly 0 from -127 down; NaN stays.
// The magic number leaves round(x) + 127 in the low bits, which become the exponent.
inline Vec exp2_not_positive(Vec x) {
  const Vec magic = Vec(12582912.0f + 127.0f);
  x = at_least(x, Vec(-127.0f));
  const Vec shifted = x + magic;
  const Vec f = x - (shifted - magic);  // [-0.5, 0.5], exact
  Vec power = Vec(1.326472731e-3f);
  power = mul_add(power, f, Vec(9.671512991e-3f));
  power = mul_add(power, f, Vec(5.550733581e-2f));
  power = mul_add(power, f, Vec(2.4022242427e-1f));
  power = mul_add(power, f, Vec(6.9314700365e-1f));
  power = mul_add(power, f, Vec(1.0f));
  return power * lanes_of_bits(bits_of_lanes(shifted) << 23);
}

// What one call keeps in its scratch.
struct AttentionScratch {
  float* queries;   // (qk_size, kBlockQueries): the block's queries, scaled, transposed
  float* scores;    // (keys, kBlockQueries): the block's scores, then exp(score - maximum)
  float* contexts;  // (kBlockQueries, v_padded): the block's unscaled context rows
  float* inverse;   // (kBlockQueries): 1 / sum
  float* values;    // (keys, v_padded): v with zero columns added, where v_size needs it
};

inline int64_t padded_v_size(int64_t v_size) { return round_up(v_size, kWidth); }

inline int64_t value_floats(int64_t keys, int64_t v_size) {
  return v_size % kWidth == 0 ? 0 : keys * padded_v_size(v_size);
}

std::size_t attention_scratch_bytes(int64_t keys, int64_t qk_size, int64_t v_size) {
  const int64_t floats = (qk_size + keys) * kBlockQueries +
                         round_up(kBlockQueries * padded_v_size(v_size), kFloatsPerLine) +
                         round_up(kBlockQueries, kFloatsPerLine) + value_floats(keys, v_size);
  return static_cast<std::size_t>(floats) * sizeof(float) + 4 * 64;
}

inline float* take_lines(float*& next, int64_t floats) {
  float* taken = next;
  next += round_up(floats, kFloatsPerLine);
  return taken;
}

AttentionScratch divide_scratch(const AttentionCall& call) {
  float* next = reinterpret_cast<float*>(call.scratch);
  AttentionScratch scratch{};
  scratch.queries = take_lines(next, call.qk_size * kBlockQueries);
  scratch.scores = take_lines(next, call.keys * kBlockQueries);
  scratch.contexts = take_lines(next, kBlockQueries * padded_v_size(call.v_size));
  scratch.inverse = take_lines(next, kBlockQueries);
  scratch.values = next;
  return scratch;
}

// Keys [0, n) are those that query `query` sees.
inline int64_t visible_keys(const AttentionCall& call, int64_t query) {
  if (!call.causal) return call.keys;
  const int64_t visible = query + 1 + call.keys - call.queries;
  return visible < 0 ? 0 : visible > call.keys ? call.keys : visible;
}

// A block of queries and how many keys its first and last one see.
struct QueryBlock {
  int64_t first;
  int64_t queries;
  int vectors;  // of lanes
  int64_t keys_of_first;
  int64_t keys_of_last;
  int64_t lanes() const { return vectors * kWidth; }
};

void transpose_queries(const AttentionCall& call, const QueryBlock& block, float* transposed) {
  constexpr double kLog2E = 1.44269504088896340736;
  const float factor = static_cast<float>(static_cast<double>(call.scale) * kLog2E);
  for (int n = 0; n < block.vectors; ++n) {
    // Lanes beyond the last query repeat it; what they compute is not used.
    const float* rows[kWidth];
    for (int lane = 0; lane < kWidth; ++lane) {
      const int64_t query = n * kWidth + lane;
      rows[lane] = call.q + (block.first + (query < block.queries ? query : block.queries - 1)) *
                                call.q_stride;
    }
    transpose_scaled(rows, call.qk_size, factor, transposed + n * kWidth, block.lanes());
  }
}

// Asks for rows [first, last) of a matrix, to be read (0) or written (1). Always inline, as is its
// caller: g++ 12 takes a function that only prefetches for one without effect and drops its calls.
template <int kWrite>
[[gnu::always_inline]] inline void prefetch_rows(const float* rows, int64_t stride, int64_t first,
                                                 int64_t last, int64_t cols) {
  for (int64_t row = first; row < last; ++row) {
    for (int64_t column = 0; column < cols; column += kFloatsPerLine) {
      __builtin_prefetch(rows + row * stride + column, kWrite);
    }
  }
}

inline int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

// Asks for what lies ahead of the tile of keys [key, end): rows of a head are 2 to 4 lines in the
// midst of wide rows, which the hardware does not foresee. Without it, stores of the context miss
// one by one (d = 64, 32 tokens, beyond L2: 11 us instead of 4 us a head).
[[gnu::always_inline]] inline void prefetch_ahead(const AttentionCall& call,
                                                  const QueryBlock& block, int64_t key,
                                                  int64_t end) {
  if (call.out != nullptr) {
    prefetch_rows<1>(call.out + block.first * call.out_stride, call.out_stride, key,
                     smaller(end, block.queries), call.v_size);
  }
  if (block.first != call.first_query) return;
  prefetch_rows<0>(call.k, call.k_stride, end, smaller(end + kTileRows, block.keys_of_last),
                   call.qk_size);
  prefetch_rows<0>(call.v, call.v_stride, key, end, call.v_size);
}

void compute_scores(const AttentionCall& call, const QueryBlock& block,
                    const AttentionScratch& scratch) {
  const int64_t lanes = block.lanes();
  for (int64_t key = 0; key < block.keys_of_last;) {
    const int64_t end = tile_end(key, block.keys_of_last);
    prefetch_ahead(call, block, key, end);
    kTiles.score[block.vectors][end - key]({.a = call.k + key * call.k_stride,
                                            .a_row = call.k_stride,
                                            .a_col = 1,
                                            .b = scratch.queries,
                                            .b_stride = lanes,
                                            .depth = call.qk_size,
                                            .sums = scratch.scores + key * lanes,
                                            .sums_stride = lanes});
    key = end;
  }
  for (int64_t key = block.keys_of_first; key < block.keys_of_last; ++key) {
    for (int64_t lane = 0; lane < block.queries; ++lane) {
      if (key >= visible_keys(call, block.first + lane)) {
        scratch.scores[key * lanes + lane] = -__builtin_inff();
      }
    }
  }
}

// The largest score of every query, at least the lowest finite number. Four interleaved chains hide
// the latency; the maximum does not depend on the order.
template <int kVectors>
void column_maxima(int64_t keys, const float* scores, Vec (&largest)[kVectors]) {
  constexpr float kLowest = -3.402823466e+38f;
  constexpr int kChains = 4;
  Vec chains[kChains][kVectors];
#pragma GCC unroll 4
  for (int i = 0; i < kChains; ++i) {
#pragma GCC unroll 2
    for (int n = 0; n < kVectors; ++n) chains[i][n] = Vec(kLowest);
  }
  int64_t key = 0;
  for (; key + kChains <= keys; key += kChains) {
#pragma GCC unroll 4
    for (int i = 0; i < kChains; ++i) {
#pragma GCC unroll 2
      for (int n = 0; n < kVectors; ++n) {
        chains[i][n] = at_least(load(scores + ((key + i) * kVectors + n) * kWidth), chains[i][n]);
      }
    }
  }
#pragma GCC unroll 2
  for (int n = 0; n < kVectors; ++n) {
    largest[n] =
        at_least(at_least(chains[0][n], chains[1][n]), at_least(chains[2][n], chains[3][n]));
    for (int64_t rest = key; rest < keys; ++rest) {
      largest[n] = at_least(load(scores + (rest * kVectors + n) * kWidth), largest[n]);
    }
  }
}

// scores = 2^(score - maximum), inverse = 1 / sum. Without a finite or infinite score all weights
// are 0, and so is the context.
template <int kVectors>
void exponentiate(int64_t keys, float* scores, float* inverse) {
  constexpr float kSmallest = 1.175494351e-38f;
  Vec largest[kVectors], sum[kVectors];
#pragma GCC unroll 2
  for (int n = 0; n < kVectors; ++n) {
    sum[n] = Vec(0.0f);
  }
  column_maxima<kVectors>(keys, scores, largest);
  for (int64_t key = 0; key < keys; ++key) {
#pragma GCC unroll 2
    for (int n = 0; n < kVectors; ++n) {
      float* row = scores + (key * kVectors + n) * kWidth;
      const Vec weight = exp2_not_positive(load(row) - largest[n]);
      store(row, weight);
      sum[n] = sum[n] + weight;
    }
  }
#pragma GCC unroll 2
  for (int n = 0; n < kVectors; ++n) {
    store(inverse + n * kWidth, Vec(1.0f) / at_least(sum[n], Vec(kSmallest)));
  }
}

// The part of one tile of queries that all of them see, then each query's own further keys.
void accumulate_rows(const AttentionCall& call, const QueryBlock& block, int64_t first_row,
                     int64_t rows, int64_t first_key, int64_t last_key, int vectors, Tile tile) {
  const int64_t common = visible_keys(call, block.first + first_row);
  const float* a = tile.a;
  const float* b = tile.b;
  const int64_t shared_end = common < last_key ? common : last_key;
  if (shared_end > first_key) {
    tile.depth = shared_end - first_key;
    tile.a = a + first_key * tile.a_col + first_row;
    tile.b = b + first_key * tile.b_stride;
    kTiles.context[vectors][rows](tile);
  }
  for (int64_t row = 1; row < rows; ++row) {
    const int64_t visible = visible_keys(call, block.first + first_row + row);
    const int64_t begin = common > first_key ? common : first_key;
    const int64_t end = visible < last_key ? visible : last_key;
    if (end <= begin) continue;
    Tile single = tile;
    single.depth = end - begin;
    single.a = a + begin * tile.a_col + first_row + row;
    single.b = b + begin * tile.b_stride;
    single.sums = tile.sums + row * tile.sums_stride;
    kTiles.context[vectors][1](single);
  }
}

// contexts = weights v, in chunks of keys whose partial sums rest in scratch.
void compute_contexts(const AttentionCall& call, const QueryBlock& block,
                      const AttentionScratch& scratch, const float* v, int64_t v_stride) {
  const int64_t v_padded = padded_v_size(call.v_size);
  for (int64_t i = 0; i < block.queries * v_padded; i += kWidth) {
    store(scratch.contexts + i, Vec(0.0f));
  }
  for (int64_t key = 0; key < block.keys_of_last; key += kKeyChunk) {
    const int64_t key_end =
        key + kKeyChunk < block.keys_of_last ? key + kKeyChunk : block.keys_of_last;
    for (int64_t column = 0; column < v_padded; column += kTileVectors * kWidth) {
      const int vectors = column + kWidth < v_padded ? 2 : 1;
      for (int64_t row = 0; row < block.queries;) {
        const int64_t end = tile_end(row, block.queries);
        accumulate_rows(call, block, row, end - row, key, key_end, vectors,
                        {.a = scratch.scores,
                         .a_row = 1,
                         .a_col = block.lanes(),
                         .b = v + column,
                         .b_stride = v_stride,
                         .depth = 0,
                         .sums = scratch.contexts + row * v_padded + column,
                         .sums_stride = v_padded});
        row = end;
      }
    }
  }
}

void store_contexts(const AttentionCall& call, const QueryBlock& block,
                    const AttentionScratch& scratch) {
  const int64_t v_padded = padded_v_size(call.v_size);
  for (int64_t row = 0; row < block.queries; ++row) {
    const Vec inverse = Vec(scratch.inverse[row]);
    float* context = scratch.contexts + row * v_padded;
    float* out = call.out + (block.first + row) * call.out_stride;
    int64_t column = 0;
    for (; column + kWidth <= call.v_size; column += kWidth) {
      store(out + column, load(context + column) * inverse);
    }
    if (column < call.v_size) {
      store(context + column, load(context + column) * inverse);
      for (; column < call.v_size; ++column) out[column] = context[column];
    }
  }
}

void store_weights(const AttentionCall& call, const QueryBlock& block,
                   const AttentionScratch& scratch) {
  for (int64_t row = 0; row < block.queries; ++row) {
    const int64_t visible = visible_keys(call, block.first + row);
    float* weights = call.weights + (block.first + row) * call.weights_stride;
    for (int64_t key = 0; key < call.keys; ++key) {
      weights[key] =
          key < visible ? scratch.scores[key * block.lanes() + row] * scratch.inverse[row] : 0.0f;
    }
  }
}

void pad_values(const AttentionCall& call, float* values) {
  const int64_t v_padded = padded_v_size(call.v_size);
  for (int64_t key = 0; key < call.keys; ++key) {
    float* row = values + key * v_padded;
    store(row + v_padded - kWidth, Vec(0.0f));
    for (int64_t column = 0; column < call.v_size; ++column) {
      row[column] = call.v[key * call.v_stride + column];
    }
  }
}

void attention(const AttentionCall& call) {
  const AttentionScratch scratch = divide_scratch(call);
  const float* v = call.v;
  int64_t v_stride = call.v_stride;
  if (call.v_size % kWidth != 0) {
    pad_values(call, scratch.values);
    v = scratch.values;
    v_stride = padded_v_size(call.v_size);
  }
  for (int64_t first = call.first_query; first < call.last_query; first += kBlockQueries) {
    const int64_t left = call.last_query - first;
    QueryBlock block{};
    block.first = first;
    block.queries = left < kBlockQueries ? left : kBlockQueries;
    block.vectors = block.queries > kWidth ? 2 : 1;
    block.keys_of_first = visible_keys(call, first);
    block.keys_of_last = visible_keys(call, first + block.queries - 1);
    transpose_queries(call, block, scratch.queries);
    compute_scores(call, block, scratch);
    if (block.vectors == 2) {
      exponentiate<2>(block.keys_of_last, scratch.scores, scratch.inverse);
    } else {
      exponentiate<1>(block.keys_of_last, scratch.scores, scratch.inverse);
    }
    if (call.out != nullptr) {
      compute_contexts(call, block, scratch, v, v_stride);
      store_contexts(call, block, scratch);
    }
    if (call.weights != nullptr) store_weights(call, block, scratch);
  }
}

}  // namespace
}  // namespace weft::simd
