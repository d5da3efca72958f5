// What a block of queries is: its lanes, the keys that it sees, and where a call keeps what it
// computes for it. Whoever includes this defines first, in namespace weft::simd: kBlockVectors, how
// many vectors a block's lanes take at most, and kKeyAlignment: a block's keys begin at a multiple
// of it.
#pragma once

#include "ops/simd/attention_tiles.inl"
#include "ops/simd/kernels.h"
#include "ops/simd/transpose.inl"

namespace weft::simd {
namespace {

constexpr int kBlockQueries = kBlockVectors * kWidth;
constexpr int64_t kLineBytes = 64;
constexpr int64_t kFloatsPerLine = 16;
constexpr double kLog2E = 1.44269504088896340736;

constexpr int64_t round_up(int64_t n, int64_t multiple) {
  return (n + multiple - 1) / multiple * multiple;
}
constexpr int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
constexpr int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

// Products of keys with position queries, for as many queries (whole blocks) at once: how many keys
// are a tile, and how many columns a tile takes at most, from the beginning of a vector on. Tiles
// of 8 keys meet 9 vectors with 128 queries, of 14 keys often 10.
constexpr int64_t kGroupQueries = 128;
constexpr int64_t kGroupTileRows = smaller(kTileRows, 8);
constexpr int64_t kGroupColumns = round_up(kGroupQueries + kGroupTileRows - 1 + kWidth - 1, kWidth);

// Keys [first, last); empty if first >= last.
struct KeyRange {
  int64_t first, last;
};
constexpr KeyRange intersection(KeyRange a, KeyRange b) {
  return {larger(a.first, b.first), smaller(a.last, b.last)};
}

struct QueryBlock {
  int64_t first;    // query
  int64_t queries;  // 1 .. kBlockQueries
  int vectors;      // of lanes
  KeyRange seen;    // by some query of the block, or before them up to the alignment
  KeyRange common;  // seen by all, within `seen`; if there are none, empty at its end
  int64_t lanes() const { return vectors * kWidth; }
  int64_t keys() const { return seen.last - seen.first; }
};

// What one call keeps in its scratch. Keys count from the first that the block sees.
struct AttentionScratch {
  float* queries;       // (qk_size, lanes): the block's queries, scaled, transposed
  float* scores;        // (keys, lanes): the block's scores, then exp(score - maximum)
  float* contexts;      // (kBlockQueries, v_padded): the block's unscaled context rows
  float* inverse;       // (lanes): 1 / sum
  float* bias;          // (keys + lanes): see expand_bias
  int32_t* first_keys;  // (lanes): the keys that each query sees; unset if it sees them all
  int32_t* last_keys;   // (lanes)
  float* by_row;        // (keys + lanes, lanes): products of position keys and queries
  float* by_column;     // (keys, kGroupColumns): of keys and position queries
  int32_t* first_rows;  // (keys): the position row that begins a key's columns
  float* values;        // (keys, v_padded): v with zero columns added, where v_size needs it
};

inline int64_t padded_v_size(int64_t v_size) { return round_up(v_size, kWidth); }

inline int64_t value_floats(int64_t keys, int64_t v_size) {
  return v_size % kWidth == 0 ? 0 : keys * padded_v_size(v_size);
}

// Hands out pieces of one stretch of memory, each from a new line on.
class ScratchDivider {
 public:
  explicit ScratchDivider(std::byte* base) : base_(reinterpret_cast<std::uintptr_t>(base)) {}
  template <typename T>
  T* take(int64_t count) {
    T* taken = reinterpret_cast<T*>(base_ + static_cast<std::uintptr_t>(used_));
    used_ += round_up(count * static_cast<int64_t>(sizeof(T)), kLineBytes);
    return taken;
  }
  int64_t used() const { return used_; }

 private:
  std::uintptr_t base_;
  int64_t used_ = 0;
};

inline AttentionScratch divide_scratch(ScratchDivider& divider, int64_t keys, int64_t qk_size,
                                       int64_t v_size, Positions positions) {
  AttentionScratch scratch{};
  scratch.queries = divider.take<float>(qk_size * kBlockQueries);
  scratch.scores = divider.take<float>(keys * kBlockQueries);
  scratch.contexts = divider.take<float>(kBlockQueries * padded_v_size(v_size));
  scratch.inverse = divider.take<float>(kBlockQueries);
  scratch.bias = divider.take<float>(keys + kBlockQueries);
  scratch.first_keys = divider.take<int32_t>(kBlockQueries);
  scratch.last_keys = divider.take<int32_t>(kBlockQueries);
  if (positions == Positions::kTables) {
    scratch.by_row = divider.take<float>((keys + kBlockQueries) * kBlockQueries);
    scratch.by_column = divider.take<float>(keys * kGroupColumns);
    scratch.first_rows = divider.take<int32_t>(keys);
  }
  scratch.values = divider.take<float>(value_floats(keys, v_size));
  return scratch;
}

// The keys that one query sees.
inline KeyRange visible_keys(const AttentionCall& call, int64_t query) {
  KeyRange range{0, call.keys};
  const int64_t position = query + call.query_offset;
  if (call.causal) range.last = smaller(range.last, position + 1);
  if (call.window > 0) {
    range = intersection(range, {position - call.window, position + call.window + 1});
  }
  if (call.key_lengths != nullptr) {
    range.last = smaller(range.last, call.key_lengths[query * call.key_lengths_stride]);
  }
  return range.first < range.last ? range : KeyRange{0, 0};
}

inline bool sees_all(const AttentionCall& call) {
  return !call.causal && call.window == 0 && call.key_lengths == nullptr;
}

// The keys that some of the queries [first, last) see, and before them up to the alignment.
KeyRange keys_seen(const AttentionCall& call, int64_t first, int64_t last) {
  if (sees_all(call)) return {0, call.keys};
  KeyRange seen{call.keys, 0};
  for (int64_t query = first; query < last; ++query) {
    const KeyRange range = visible_keys(call, query);
    if (range.first == range.last) continue;
    seen = {smaller(seen.first, range.first), larger(seen.last, range.last)};
  }
  if (seen.first > seen.last) return {0, 0};
  return {seen.first - seen.first % kKeyAlignment, seen.last};
}

// Sets the keys of the block and, where its queries may differ, of each lane.
void find_keys(const AttentionCall& call, QueryBlock& block, const AttentionScratch& scratch) {
  block.seen = keys_seen(call, block.first, block.first + block.queries);
  block.common = {0, call.keys};
  if (sees_all(call)) return;
  for (int64_t lane = 0; lane < block.queries; ++lane) {
    block.common = intersection(block.common, visible_keys(call, block.first + lane));
  }
  if (block.common.first >= block.common.last) block.common = {block.seen.last, block.seen.last};
  for (int64_t lane = 0; lane < block.lanes(); ++lane) {
    const int64_t query = block.first + smaller(lane, block.queries - 1);
    const KeyRange range = intersection(visible_keys(call, query), block.seen);
    const bool none = range.first >= range.last;
    scratch.first_keys[lane] = static_cast<int32_t>(none ? 0 : range.first - block.seen.first);
    scratch.last_keys[lane] = static_cast<int32_t>(none ? 0 : range.last - block.seen.first);
  }
}

inline bool queries_differ(const QueryBlock& block) {
  return block.common.first > block.seen.first || block.common.last < block.seen.last;
}

// The keys that some of the lanes see and those that all of them see, counted from the block's
// first; without common keys these are empty at the end.
struct LaneKeys {
  KeyRange seen, common;
};
inline LaneKeys keys_of_lanes(const QueryBlock& block, const AttentionScratch& scratch,
                              int64_t first_lane, int64_t lanes) {
  if (!queries_differ(block)) return {{0, block.keys()}, {0, block.keys()}};
  LaneKeys result{{block.keys(), 0}, {0, block.keys()}};
  for (int64_t lane = first_lane; lane < first_lane + lanes; ++lane) {
    const KeyRange range{scratch.first_keys[lane], scratch.last_keys[lane]};
    result.seen.first = smaller(result.seen.first, range.first);
    result.seen.last = larger(result.seen.last, range.last);
    result.common = intersection(result.common, range);
  }
  if (result.common.first >= result.common.last) result.common = {block.keys(), block.keys()};
  return result;
}

void transpose_queries(const AttentionCall& call, const QueryBlock& block, float* transposed) {
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

// Lane `lane` of key `key` (counted from the block's first) takes bias[keys - 1 - key + lane]: the
// bias of key position - query position, times log2 e, distances falling.
void expand_bias(const AttentionCall& call, const QueryBlock& block, float* bias) {
  const int64_t n = block.keys() + block.lanes() - 1;
  const int64_t farthest = block.seen.last - 1 - (block.first + call.query_offset);
  const int64_t radius = call.bias_radius;
  const float factor = static_cast<float>(kLog2E);
  int64_t i = 0;
  for (; i < n && farthest - i > radius; ++i) bias[i] = call.bias[2 * radius] * factor;
  for (; i < n && farthest - i >= -radius; ++i) {
    bias[i] = call.bias[radius + farthest - i] * factor;
  }
  for (; i < n; ++i) bias[i] = call.bias[0] * factor;
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

}  // namespace
}  // namespace weft::simd
