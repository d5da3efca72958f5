// What becomes of a block's scores and contexts, however they were computed: keys that a query does
// not see are masked, context rows and weights are written where the caller wants them.
#pragma once

#include "ops/simd/attention_block.inl"

namespace weft::simd {
namespace {

// Scores of the keys [first, last) become -infinity where a query does not see them.
void mask_keys(const QueryBlock& block, const AttentionScratch& scratch, int64_t first,
               int64_t last) {
  for (int n = 0; n < block.vectors; ++n) {
    const IntVec first_keys = IntVec::load_unaligned(scratch.first_keys + n * kWidth);
    const IntVec last_keys = IntVec::load_unaligned(scratch.last_keys + n * kWidth);
    for (int64_t key = first; key < last; ++key) {
      float* row = scratch.scores + key * block.lanes() + n * kWidth;
      store(row, keep_between(load(row), first_keys, static_cast<int32_t>(key), last_keys,
                              Vec(-__builtin_inff())));
    }
  }
}

// Where not every query sees a key, its score becomes -infinity for those that do not.
void mask_scores(const QueryBlock& block, const AttentionScratch& scratch) {
  if (!queries_differ(block)) return;
  mask_keys(block, scratch, 0, block.common.first - block.seen.first);
  mask_keys(block, scratch, block.common.last - block.seen.first, block.keys());
}

void store_contexts(const AttentionCall& call, const QueryBlock& block,
                    const AttentionScratch& scratch) {
  const int64_t v_padded = padded_v_size(call.v_size);
  for (int64_t row = 0; row < block.queries; ++row) {
    const Vec inverse = Vec(scratch.inverse[row]);
    const float* context = scratch.contexts + row * v_padded;
    float* out = call.out + (block.first + row) * call.out_stride;
    int64_t column = 0;
    for (; column + kWidth <= call.v_size; column += kWidth) {
      store(out + column, load(context + column) * inverse);
    }
    if (column < call.v_size) {
      store_partial(out + column, load(context + column) * inverse, call.v_size - column);
    }
  }
}

void store_weights(const AttentionCall& call, const QueryBlock& block,
                   const AttentionScratch& scratch) {
  for (int64_t row = 0; row < block.queries; ++row) {
    float* weights = call.weights + (block.first + row) * call.weights_stride;
    const KeyRange visible = visible_keys(call, block.first + row);
    for (int64_t key = 0; key < visible.first; ++key) weights[key] = 0.0f;
    const float* scores = scratch.scores + row;
    for (int64_t key = visible.first; key < visible.last; ++key) {
      weights[key] = scores[(key - block.seen.first) * block.lanes()] * scratch.inverse[row];
    }
    for (int64_t key = visible.last; key < call.keys; ++key) weights[key] = 0.0f;
  }
}

}  // namespace
}  // namespace weft::simd
