// Attention with both products in bfloat16. A source per level defines kBf16AttentionName and
// Bf16Products (bf16_products.inl) and includes this.
//
// Queries lie in the lanes as in attention_kernels.inl, with which it shares positions, masks and
// softmax, all in f32; so they are the columns of both products:
//   scores (keys, lanes) = k (keys, qk_size) times the scaled queries
//   contexts (v_size, lanes) = v^T (v_size, keys) times the weights
// What is rounded to bfloat16, to nearest even: k, v, the queries after scaling, and the weights
// before they are divided by their sum, which is that of the weights before rounding.
//
// k and v^T are packed once per call, or with a window that is shorter than the sequence once per
// block. Steps of keys are counted from the sequence's first, and weights of keys that a query does
// not see are zeros: neither blocks nor windows can change a bit. Values that bfloat16 cannot hold
// (NaN, infinity, and what rounds to it) are packed as zeros and added in f32 to the queries that
// see them, so that they reach no others.
#pragma once

#include "ops/gemm/bf16_tiles.inl"
#include "ops/simd/bf16_products.inl"

namespace weft::simd {
namespace {

constexpr int kBlockVectors = static_cast<int>(32 / kWidth);
constexpr std::int64_t kKeyAlignment = kStepDepth;

}  // namespace
}  // namespace weft::simd

#include "ops/simd/attention_output.inl"
#include "ops/simd/attention_positions.inl"
#include "ops/simd/attention_softmax.inl"

namespace weft::simd {
namespace {

constexpr int64_t kTileLanes = gemm::kTileRows;
// The largest number that bfloat16 rounds to a finite one.
constexpr float kLargestValue = 0x1.fefffep127f;

// What one call keeps beside the scratch of every attention.
struct Bf16Scratch {
  std::uint16_t* keys;     // (keys / 16, qk_size / 32, 16, 32), dimensions rounded up
  std::uint16_t* values;   // (v_size / 16, keys / 32, 16, 32): v transposed
  std::uint16_t* queries;  // (qk_size / 2, lanes, 2)
  std::uint16_t* weights;  // (keys / 2, lanes, 2)
  float* columns;          // (v_size, lanes): contexts, transposed
};

// The keys whose k and v are packed, and whether all of v could be.
struct PackedKeys {
  KeyRange range{0, 0};
  bool all_values = true;
  bool hold(KeyRange keys) const { return range.first <= keys.first && keys.last <= range.last; }
};

// Keys of a block of at most block_keys, which are aligned and padded to whole steps.
constexpr int64_t aligned_keys(int64_t block_keys) {
  return round_up(block_keys + kKeyAlignment - 1, kStepDepth);
}

Bf16Scratch divide_bf16_scratch(ScratchDivider& divider, int64_t keys, int64_t qk_size,
                                int64_t v_size) {
  const int64_t depth = round_up(qk_size, kStepDepth), rows = round_up(v_size, gemm::kTileRows);
  Bf16Scratch scratch{};
  scratch.keys = divider.take<std::uint16_t>(keys * depth);
  scratch.values = divider.take<std::uint16_t>(rows * keys);
  scratch.queries = divider.take<std::uint16_t>(depth * kBlockQueries);
  scratch.weights = divider.take<std::uint16_t>(keys * kBlockQueries);
  scratch.columns = divider.take<float>(rows * kBlockQueries);
  return scratch;
}

std::size_t bf16_scratch_bytes(int64_t block_keys, int64_t qk_size, int64_t v_size,
                               Positions positions) {
  const int64_t keys = aligned_keys(block_keys);
  ScratchDivider divider(nullptr);
  divide_scratch(divider, keys, qk_size, padded_v_size(v_size), positions);
  divide_bf16_scratch(divider, keys, qk_size, v_size);
  return static_cast<std::size_t>(divider.used());
}

// pairs (count / 2 rounded up to whole steps, lanes, 2): rows (count, lanes) rounded, two by two,
// zeros beyond them.
void pack_pairs(const float* rows, int64_t count, int64_t lanes, std::uint16_t* pairs) {
  auto* words = reinterpret_cast<float*>(pairs);
  const Vec zero(0.0f);
  for (int64_t row = 0; row < round_up(count, kStepDepth); row += 2) {
    for (int64_t lane = 0; lane < lanes; lane += kWidth) {
      const float* even = rows + row * lanes + lane;
      const Vec first = row < count ? load(even) : zero;
      store(words + lane, gemm::round_pairs(first, row + 1 < count ? load(even + lanes) : zero));
    }
    words += lanes;
  }
}

// One tile of v^T: columns [column, column + 16) of keys [key, key + 32), zeros beyond v_size and
// the last of `keys`. False if a value had to be left out.
bool pack_values_tile(const AttentionCall& call, int64_t keys, int64_t key, int64_t column,
                      std::uint16_t* tile) {
  constexpr int64_t kPairs = kStepDepth / 2;
  alignas(64) float words[kPairs][kTileLanes];  // (pairs of keys, columns of v)
  const Vec bound(kLargestValue), zero(0.0f);
  IntVec left_out = bits_of_lanes(zero);
  for (int64_t lane = 0; lane < kTileLanes; lane += kWidth) {
    const int64_t cols = larger(0, smaller(call.v_size - column - lane, kWidth));
    const auto value = [&](int64_t at) {
      if (at >= keys || cols == 0) return zero;
      const float* v = call.v + at * call.v_stride + column + lane;
      const Vec x = cols == kWidth ? load(v) : load_partial(v, cols);
      const Vec kept = zero_beyond(x, bound);
      left_out = left_out | (bits_of_lanes(x) ^ bits_of_lanes(kept));
      return kept;
    };
    for (int64_t pair = 0; pair < kPairs; ++pair) {
      const Vec even = value(key + 2 * pair);
      store(words[pair] + lane, gemm::round_pairs(even, value(key + 2 * pair + 1)));
    }
  }
  auto* out = reinterpret_cast<float*>(tile);  // (columns of v, pairs of keys)
  for (int64_t pair = 0; pair < kPairs; pair += kWidth) {
    const float* rows[kWidth];
    for (int64_t lane = 0; lane < kWidth; ++lane) rows[lane] = words[pair + lane];
    transpose(rows, kTileLanes, out + pair, kPairs);
  }
  return !xsimd::any(left_out != bits_of_lanes(zero));
}

// Packs k and v of the keys in `range`, whose first is aligned. Rows that come next are asked for,
// as attention_kernels.inl does.
PackedKeys pack_keys(const AttentionCall& call, KeyRange range, const Bf16Scratch& scratch) {
  const int64_t depth = round_up(call.qk_size, kStepDepth);
  const int64_t steps = round_up(range.last - range.first, kStepDepth) / kStepDepth;
  PackedKeys packed{range};
  for (int64_t step = 0; step < steps; ++step) {
    const int64_t key = range.first + step * kStepDepth;
    const int64_t end = smaller(key + kStepDepth, range.last);
    const int64_t next = smaller(end + kStepDepth, range.last);
    prefetch_rows<0>(call.k, call.k_stride, end, next, call.qk_size);
    gemm::round_to_tiles(call.k + key * call.k_stride, call.k_stride, end - key, call.qk_size,
                         scratch.keys + step * kStepDepth * depth);
    if (call.out == nullptr) continue;
    prefetch_rows<0>(call.v, call.v_stride, end, next, call.v_size);
    for (int64_t column = 0; column < call.v_size; column += kTileLanes) {
      std::uint16_t* tile = scratch.values + (column / kTileLanes * steps + step) * kTileElements;
      if (!pack_values_tile(call, range.last, key, column, tile)) packed.all_values = false;
    }
  }
  return packed;
}

void add_bias(const AttentionCall& call, const QueryBlock& block, const AttentionScratch& scratch) {
  expand_bias(call, block, scratch.bias);
  for (int64_t key = 0; key < block.keys(); ++key) {
    float* scores = scratch.scores + key * block.lanes();
    const float* bias = scratch.bias + (block.keys() - 1 - key);
    for (int64_t lane = 0; lane < block.lanes(); lane += kWidth) {
      store(scores + lane, load(scores + lane) + load(bias + lane));
    }
  }
}

// All of a block's softmax: scores = 2^(score - maximum), inverse = 1 / sum.
template <int kRowVectors>
void exponentiate_rows(int64_t keys, float* scores, float* inverse) {
  constexpr int kVectors = kRowVectors > 1 ? 2 : 1;
  for (int64_t column = 0; column < kRowVectors * kWidth; column += kVectors * kWidth) {
    ColumnSoftmax<kVectors, kRowVectors> softmax(keys, scores + column);
    softmax.exponentiate(scores + column, 0, keys);
    softmax.store_inverse(inverse + column);
  }
}

void exponentiate(const QueryBlock& block, const AttentionScratch& scratch) {
  if (block.vectors == kBlockVectors) {
    exponentiate_rows<kBlockVectors>(block.keys(), scratch.scores, scratch.inverse);
  } else {
    exponentiate_rows<kBlockVectors / 2>(block.keys(), scratch.scores, scratch.inverse);
  }
}

// contexts (queries, v_padded) = columns transposed.
void transpose_contexts(const AttentionCall& call, const QueryBlock& block, const float* columns,
                        float* contexts) {
  const int64_t v_padded = padded_v_size(call.v_size);
  for (int64_t column = 0; column < v_padded; column += kWidth) {
    const float* rows[kWidth];
    for (int64_t i = 0; i < kWidth; ++i) rows[i] = columns + (column + i) * block.lanes();
    transpose(rows, block.lanes(), contexts + column, v_padded);
  }
}

// Adds the values that were left out of the packed ones to the contexts of the queries that see
// them.
void add_left_out_values(const AttentionCall& call, const QueryBlock& block,
                         const AttentionScratch& scratch) {
  const int64_t v_padded = padded_v_size(call.v_size);
  for (int64_t query = 0; query < block.queries; ++query) {
    const KeyRange visible = visible_keys(call, block.first + query);
    for (int64_t key = visible.first; key < visible.last; ++key) {
      const float weight = scratch.scores[(key - block.seen.first) * block.lanes() + query];
      for (int64_t column = 0; column < call.v_size; ++column) {
        const float value = call.v[key * call.v_stride + column];
        if (__builtin_fabsf(value) <= kLargestValue) continue;
        scratch.contexts[query * v_padded + column] += weight * value;
      }
    }
  }
}

void compute_bf16_scores(Bf16Products& products, const AttentionCall& call, const QueryBlock& block,
                         const PackedKeys& packed, const AttentionScratch& scratch,
                         const Bf16Scratch& bf16) {
  const int64_t depth = round_up(call.qk_size, kStepDepth);
  pack_pairs(scratch.queries, call.qk_size, block.lanes(), bf16.queries);
  products.multiply({.a = bf16.keys + (block.seen.first - packed.range.first) * depth,
                     .a_stride = gemm::kTileRows * depth,
                     .row_tiles = round_up(block.keys(), gemm::kTileRows) / gemm::kTileRows,
                     .b = bf16.queries,
                     .steps = depth / kStepDepth,
                     .lanes = block.lanes(),
                     .sums = scratch.scores});
  if (call.bias != nullptr) add_bias(call, block, scratch);
  add_positions(call, block, scratch);
  mask_scores(block, scratch);
}

void compute_bf16_contexts(Bf16Products& products, const AttentionCall& call,
                           const QueryBlock& block, const PackedKeys& packed,
                           const AttentionScratch& scratch, const Bf16Scratch& bf16) {
  const int64_t packed_steps =
      round_up(packed.range.last - packed.range.first, kStepDepth) / kStepDepth;
  const int64_t first_step = (block.seen.first - packed.range.first) / kStepDepth;
  pack_pairs(scratch.scores, block.keys(), block.lanes(), bf16.weights);
  products.multiply({.a = bf16.values + first_step * kTileElements,
                     .a_stride = packed_steps * kTileElements,
                     .row_tiles = round_up(call.v_size, kTileLanes) / kTileLanes,
                     .b = bf16.weights,
                     .steps = round_up(block.keys(), kStepDepth) / kStepDepth,
                     .lanes = block.lanes(),
                     .sums = bf16.columns});
  transpose_contexts(call, block, bf16.columns, scratch.contexts);
  if (!packed.all_values) add_left_out_values(call, block, scratch);
}

void attend_in_bf16(const AttentionCall& call) {
  ScratchDivider divider(call.scratch);
  const bool has_tables = call.positions.keys != nullptr || call.positions.queries != nullptr;
  const int64_t capacity = aligned_keys(call.block_keys);
  const AttentionScratch scratch =
      divide_scratch(divider, capacity, call.qk_size, padded_v_size(call.v_size),
                     has_tables ? Positions::kTables : Positions::kNone);
  const Bf16Scratch bf16 = divide_bf16_scratch(divider, capacity, call.qk_size, call.v_size);
  Bf16Products products;
  PackedKeys packed;
  for (int64_t first = call.first_query; first < call.last_query; first += kBlockQueries) {
    QueryBlock block{};
    block.first = first;
    block.queries = smaller(call.last_query - first, kBlockQueries);
    block.vectors = static_cast<int>((block.queries > kTileLanes ? 2 : 1) * kTileLanes / kWidth);
    find_keys(call, block, scratch);
    if (call.out != nullptr) {
      prefetch_rows<1>(call.out + first * call.out_stride, call.out_stride, 0, block.queries,
                       call.v_size);
    }
    if (!packed.hold(block.seen)) {
      const bool all = call.keys <= call.block_keys;
      packed = pack_keys(call, all ? KeyRange{0, call.keys} : block.seen, bf16);
    }
    transpose_queries(call, block, scratch.queries);
    compute_bf16_scores(products, call, block, packed, scratch, bf16);
    exponentiate(block, scratch);
    if (call.out != nullptr) {
      compute_bf16_contexts(products, call, block, packed, scratch, bf16);
      store_contexts(call, block, scratch);
    }
    if (call.weights != nullptr) store_weights(call, block, scratch);
  }
}

constexpr AttentionKernels kBf16Attention{.name = kBf16AttentionName,
                                          .block_queries = kBlockQueries,
                                          .scratch_bytes = bf16_scratch_bytes,
                                          .attend = attend_in_bf16};

}  // namespace
}  // namespace weft::simd
