// softmax(scale q k^T + bias) v for one sequence and head. Queries lie in the lanes of the vectors:
// a block of 2 kWidth queries is transposed once, scores are held key by key, and nothing of k or v
// is packed. Refused: keys in the lanes, which transposes all of k for every range of queries.
//
// Every score is one chain over the head's columns, every sum and context element one chain over
// the keys that the query sees; blocks, tiles and ranges of queries cannot change a bit.

#include "ops/simd/attention_tiles.inl"

namespace weft::simd {
namespace {

constexpr int kBlockVectors = kTileVectors;
constexpr int64_t kKeyAlignment = 1;

}  // namespace
}  // namespace weft::simd

#include "ops/simd/attention_output.inl"
#include "ops/simd/attention_positions.inl"
#include "ops/simd/attention_softmax.inl"

namespace weft::simd {
namespace {

// Keys whose weights and values, a tile's columns of them, stay in L1 between tiles: in half of 32
// KB. 64 on AVX-512, where 512 tokens took 0.97 times as long as with 128; 128 on AVX2, which 64
// made 3 % slower.
constexpr int64_t kKeyChunk =
    16384 / ((kBlockQueries + kTileVectors * kWidth) * static_cast<int64_t>(sizeof(float)));

std::size_t attention_scratch_bytes(int64_t keys, int64_t qk_size, int64_t v_size,
                                    Positions positions) {
  ScratchDivider divider(nullptr);
  divide_scratch(divider, keys, qk_size, v_size, positions);
  return static_cast<std::size_t>(divider.used());
}

// values = v with zero columns added.
void pad_values(const AttentionCall& call, const QueryBlock& block, float* values) {
  const int64_t v_padded = padded_v_size(call.v_size);
  for (int64_t key = 0; key < block.keys(); ++key) {
    const float* row = call.v + (block.seen.first + key) * call.v_stride;
    for (int64_t column = 0; column < v_padded; column += kWidth) {
      const int64_t left = smaller(call.v_size - column, kWidth);
      store(values + key * v_padded + column, load_partial(row + column, left));
    }
  }
}

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
  const int64_t first = block.seen.first;
  prefetch_rows<0>(call.k, call.k_stride, first + end,
                   first + smaller(end + kTileRows, block.keys()), call.qk_size);
  prefetch_rows<0>(call.v, call.v_stride, first + key, first + end, call.v_size);
}

void compute_scores(const AttentionCall& call, const QueryBlock& block,
                    const AttentionScratch& scratch) {
  const int64_t lanes = block.lanes(), keys = block.keys();
  const float* k = call.k + block.seen.first * call.k_stride;
  if (call.bias != nullptr) expand_bias(call, block, scratch.bias);
  for (int64_t key = 0; key < keys;) {
    const int64_t end = tile_end(key, keys);
    prefetch_ahead(call, block, key, end);
    kTiles.score[block.vectors][end - key](
        {.a = k + key * call.k_stride,
         .a_row = call.k_stride,
         .a_col = 1,
         .b = scratch.queries,
         .b_stride = lanes,
         .depth = call.qk_size,
         .sums = scratch.scores + key * lanes,
         .sums_stride = lanes,
         .falling = call.bias == nullptr ? nullptr : scratch.bias + (keys - 1 - key)});
    key = end;
  }
  add_positions(call, block, scratch);
  mask_scores(block, scratch);
}

// Adds weights v of `keys` to rows [first_row, first_row + rows) of the contexts. The tile is that
// of the block's first row and key.
inline void accumulate(Tile tile, int vectors, int64_t first_row, int64_t rows, KeyRange keys) {
  if (keys.first >= keys.last) return;
  tile.depth = keys.last - keys.first;
  tile.a += keys.first * tile.a_col + first_row;
  tile.b += keys.first * tile.b_stride;
  tile.sums += first_row * tile.sums_stride;
  kTiles.context[vectors][rows](tile);
}

// Whether a weight of 0 makes a key that a query does not see contribute nothing: true if v is
// finite wherever the block's queries see different keys. v counts from the block's first key.
bool zero_weights_suffice(const QueryBlock& block, const float* v, int64_t v_stride,
                          int64_t v_padded) {
  const Vec zero(0.0f);
  Vec sum = zero;
  for (int64_t key = 0; key < block.keys(); ++key) {
    if (key == block.common.first - block.seen.first) key += block.common.last - block.common.first;
    if (key >= block.keys()) break;
    for (int64_t column = 0; column < v_padded; column += kWidth) {
      sum = mul_add(load(v + key * v_stride + column), zero, sum);
    }
  }
  return horizontal_sum(sum) == 0.0f;
}

enum class MaskedKeys { kWeightZero, kLeftOut };

// One tile of rows. kLeftOut: what all of them see in one stretch, each one's other keys apart.
void accumulate_rows(const QueryBlock& block, const AttentionScratch& scratch, MaskedKeys masked,
                     int64_t first_row, int64_t rows, KeyRange chunk, int vectors,
                     const Tile& tile) {
  const LaneKeys keys = keys_of_lanes(block, scratch, first_row, rows);
  if (masked == MaskedKeys::kWeightZero) {
    accumulate(tile, vectors, first_row, rows, intersection(chunk, keys.seen));
    return;
  }
  for (int64_t row = first_row; row < first_row + rows; ++row) {
    const KeyRange before{scratch.first_keys[row],
                          smaller(scratch.last_keys[row], keys.common.first)};
    accumulate(tile, vectors, row, 1, intersection(chunk, before));
  }
  accumulate(tile, vectors, first_row, rows, intersection(chunk, keys.common));
  for (int64_t row = first_row; row < first_row + rows; ++row) {
    const KeyRange after{larger(scratch.first_keys[row], keys.common.last), scratch.last_keys[row]};
    accumulate(tile, vectors, row, 1, intersection(chunk, after));
  }
}

// contexts = weights v, in chunks of keys, whose scores become weights just before and whose
// partial sums rest in scratch. v counts from the block's first key.
template <int kVectors>
void compute_contexts(const AttentionCall& call, const QueryBlock& block,
                      const AttentionScratch& scratch, const float* v, int64_t v_stride,
                      ColumnSoftmax<kVectors>& softmax) {
  const int64_t v_padded = padded_v_size(call.v_size);
  const MaskedKeys masked =
      !queries_differ(block) || zero_weights_suffice(block, v, v_stride, v_padded)
          ? MaskedKeys::kWeightZero
          : MaskedKeys::kLeftOut;
  for (int64_t i = 0; i < block.queries * v_padded; i += kWidth) {
    store(scratch.contexts + i, Vec(0.0f));
  }
  for (int64_t key = 0; key < block.keys(); key += kKeyChunk) {
    const KeyRange chunk{key, smaller(key + kKeyChunk, block.keys())};
    softmax.exponentiate(scratch.scores, chunk.first, chunk.last);
    for (int64_t column = 0; column < v_padded; column += kTileVectors * kWidth) {
      const int vectors = column + kWidth < v_padded ? 2 : 1;
      for (int64_t row = 0; row < block.queries;) {
        const int64_t end = tile_end(row, block.queries);
        accumulate_rows(block, scratch, masked, row, end - row, chunk, vectors,
                        {.a = scratch.scores,
                         .a_row = 1,
                         .a_col = block.lanes(),
                         .b = v + column,
                         .b_stride = v_stride,
                         .depth = 0,
                         .sums = scratch.contexts + column,
                         .sums_stride = v_padded,
                         .falling = nullptr});
        row = end;
      }
    }
  }
}

template <int kVectors>
void mix(const AttentionCall& call, const QueryBlock& block, const AttentionScratch& scratch) {
  ColumnSoftmax<kVectors> softmax(block.keys(), scratch.scores);
  if (call.out == nullptr) {
    softmax.exponentiate(scratch.scores, 0, block.keys());
    softmax.store_inverse(scratch.inverse);
    return;
  }
  const float* v = call.v + block.seen.first * call.v_stride;
  int64_t v_stride = call.v_stride;
  if (call.v_size % kWidth != 0) {
    pad_values(call, block, scratch.values);
    v = scratch.values;
    v_stride = padded_v_size(call.v_size);
  }
  compute_contexts(call, block, scratch, v, v_stride, softmax);
  softmax.store_inverse(scratch.inverse);
  store_contexts(call, block, scratch);
}

void attend(const AttentionCall& call, const QueryBlock& block, const AttentionScratch& scratch) {
  transpose_queries(call, block, scratch.queries);
  compute_scores(call, block, scratch);
  if (block.vectors == 2) {
    mix<2>(call, block, scratch);
  } else {
    mix<1>(call, block, scratch);
  }
  if (call.weights != nullptr) store_weights(call, block, scratch);
}

void attention(const AttentionCall& call) {
  ScratchDivider divider(call.scratch);
  const bool has_tables = call.positions.keys != nullptr || call.positions.queries != nullptr;
  const AttentionScratch scratch =
      divide_scratch(divider, call.block_keys, call.qk_size, call.v_size,
                     has_tables ? Positions::kTables : Positions::kNone);
  for (int64_t first = call.first_query; first < call.last_query; first += kBlockQueries) {
    QueryBlock block{};
    block.first = first;
    block.queries = smaller(call.last_query - first, kBlockQueries);
    block.vectors = block.queries > kWidth ? 2 : 1;
    find_keys(call, block, scratch);
    attend(call, block, scratch);
  }
}

}  // namespace
}  // namespace weft::simd
