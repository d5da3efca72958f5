// All kernels of one level and their table.
// The order matters: attention builds on what the row kernels include.
// clang-format off
#include "ops/simd/row_kernels.inl"
#include "ops/simd/attention_kernels.inl"
#include "ops/simd/cached_attention.inl"
#include "ops/simd/additive_kernels.inl"
#include "ops/simd/recurrent_kernels.inl"
#include "ops/simd/regression_kernels.inl"
#include "ops/simd/peak_kernels.inl"
// clang-format on

namespace weft::simd {
namespace {

constexpr Kernels make_kernels(Isa isa) {
  return {.isa = isa,
          .activation = activation,
          .add = add,
          .multiply = multiply,
          .gated = gated,
          .axpy = axpy,
          .scale = scale,
          .maximum = maximum,
          .layer_norm = layer_norm,
          .rms_norm = rms_norm,
          .rotate_halves = rotate_halves,
          .rotate_interleaved = rotate_interleaved,
          .softmax = softmax,
          .largest_or_nan = largest_or_nan,
          .sum_exp = sum_exp,
          .normalize = normalize,
          .from_f16 = from_f16,
          .from_bf16 = from_bf16,
          .attention = {.name = nullptr,
                        .block_queries = kBlockQueries,
                        .scratch_bytes = attention_scratch_bytes,
                        .attend = attention},
          .cached_attention = cached_attention,
          .additive_scores = additive_scores,
          .regression_block_queries = kWidth,
          .regression_scratch_bytes = regression_scratch_bytes,
          .regression = regression,
          .gru = gru,
          .multiply_add_loop = multiply_add_loop,
          .read_loop = read_loop};
}

}  // namespace
}  // namespace weft::simd
