// Positions as weights, computed from a few numbers when a model is compiled: attention biases by
// relative position (tables for AttentionOptions::distance_bias: one row per head, one column per
// distance key - query from -R to R), the angles of rotary embeddings and sinusoids. In f32 where
// the reference implementation computes in f32.
#pragma once

#include <cstdint>

#include "weft/export.h"
#include "weft/weight.h"

namespace weft {

/// How T5 (Raffel et al. 2020) and MPNet share the entries of a bias table among distances: half of
/// the buckets hold one distance each, the others logarithmic ranges up to max_distance.
enum class DistanceBuckets : std::uint8_t {
  kBidirectional,  ///< T5's encoder, MPNet: half of the buckets for keys after the query
  kCausal,         ///< T5's decoder: keys after the query share bucket 0
};

/// The bucket of a distance (key position - query position), as transformers'
/// `_relative_position_bucket`. Throws Error(kInvalidArgument) unless 4 <= buckets (even if
/// bidirectional) and max_distance lies beyond the buckets of one distance each.
WEFT_API std::int64_t distance_bucket(std::int64_t distance, DistanceBuckets rule,
                                      std::int64_t buckets, std::int64_t max_distance);

/// (heads, 2 max_distance + 1) from a table (buckets, heads), the checkpoint's
/// `relative_attention_bias.weight`. Distances beyond max_distance share the last bucket, so the
/// result is valid for sequences of any length. Errors as distance_bucket; the table is read when
/// the result is.
WEFT_API Weight bucket_bias(const Weight& table, DistanceBuckets rule, std::int64_t max_distance);

/// -slope(head) |distance| (Press et al. 2022, ALiBi; symmetric as in Jina's encoders) for
/// sequences of at most `longest`: (heads, 2 longest - 1). Slopes are 2^(-8 i / n), i = 1 .. n, for
/// n heads, n a power of two; else those of the next lower power, then every other one of its
/// double. Throws Error(kInvalidArgument) unless heads and longest are at least 1.
WEFT_API Weight alibi_bias(std::int64_t heads, std::int64_t longest);

struct RotaryTableOptions {
  double base = 10000;   ///< "theta"; NTK scaling gives a larger one
  double slowed_by = 1;  ///< frequencies are divided by it ("linear" scaling)
};

/// The table of Graph::rotary for positions 0 .. positions - 1 and `columns` turned columns a head
/// (even): (positions, columns), cosines, then sines, of position * base^(-2 i / columns) /
/// slowed_by. Frequencies and angles are rounded to f32, as transformers computes them. Throws
/// Error(kInvalidArgument) naming what does not fit.
WEFT_API Weight rotary_table(std::int64_t positions, std::int64_t columns,
                             const RotaryTableOptions& options = {});

enum class SinusoidOrder : std::uint8_t {
  kInterleaved,  ///< sine, cosine, sine, ...: Vaswani et al. 2017
  kHalves,       ///< all sines, then all cosines: Marian's in transformers
};

/// Positional encodings of positions 0 .. positions - 1 (Vaswani et al. 2017, 3.5), rounded from
/// double: (positions, columns). Pair i is sin and cos of position / 10000^(2 i / columns); an odd
/// number of columns ends with a sine without its cosine. A Lookup in Graph::embedding adds them.
/// Throws Error(kInvalidArgument) naming what does not fit.
WEFT_API Weight sinusoid_table(std::int64_t positions, std::int64_t columns,
                               SinusoidOrder order = SinusoidOrder::kInterleaved);

}  // namespace weft
