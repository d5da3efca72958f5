#include "ops/query_ranges.h"

#include <fmt/format.h>

#include <string>

#include "ops/infer_checks.h"

namespace weft {
namespace {

// An item of this cost takes some tens of microseconds.
constexpr double kItemFlops = 4e6;
constexpr std::int64_t kItemsPerThread = 32;

}  // namespace

void expect_keys(std::string_view name, const ValueInfo& q, const ValueInfo& k,
                 const ValueInfo& v) {
  if (k.rows != v.rows) {
    throw_invalid(name, fmt::format("expected k and v in one row space, found k in {}, v in {}",
                                    k.rows, v.rows));
  }
  if ((q.fixed_rows < 0) != (k.fixed_rows < 0)) {
    throw_invalid(name, fmt::format("expected q and k both in ragged or both in fixed row "
                                    "spaces, found q in a {} one, k in a {} one",
                                    q.fixed_rows < 0 ? "ragged" : "fixed",
                                    k.fixed_rows < 0 ? "ragged" : "fixed"));
  }
}

void expect_key_lengths(std::string_view name, const ValueInfo& lengths, LengthsPer per,
                        const ValueInfo& q) {
  if (lengths.dtype != DType::kI32 || lengths.cols != 1) {
    throw_invalid(name, fmt::format("key_lengths: expected I32 of 1 column, found {} of {}",
                                    to_string(lengths.dtype), lengths.cols));
  }
  if (per == LengthsPer::kQuery && lengths.rows != q.rows) {
    throw_invalid(name, fmt::format("key_lengths: expected the row space of q, {}, found {}",
                                    q.rows, lengths.rows));
  }
}

void expect_distance_bias(std::string_view name, const ValueInfo& bias, std::int64_t heads) {
  expect_f32_matrix(name, "distance_bias", bias);
  if (bias.fixed_rows != heads) {
    throw_invalid(
        name, fmt::format("distance_bias: expected {} fixed rows, one per head, found {}", heads,
                          bias.fixed_rows < 0 ? std::string("ragged rows")
                                              : std::to_string(bias.fixed_rows)));
  }
  if (bias.cols % 2 == 0) {
    throw_invalid(name, fmt::format("distance_bias: expected an odd number of columns, distances "
                                    "-R to R, found {}",
                                    bias.cols));
  }
}

double query_key_pairs(const RowsView& queries, const RowsView& keys) {
  double pairs = 0;
  for (std::int64_t s = 0; s < queries.sequences(); ++s) {
    pairs += static_cast<double>(rows_of(queries, s).count) *
             static_cast<double>(rows_of(keys, s).count);
  }
  return pairs;
}

std::int64_t items_for(double flops, int threads) {
  const std::int64_t each = std::max(1, threads);
  const auto wanted = static_cast<std::int64_t>(
      std::min(flops / kItemFlops, static_cast<double>(kItemsPerThread * each)));
  return std::max<std::int64_t>(1, (wanted + each - 1) / each) * each;
}

Work work_of_items(const RunContext& context, double flops, std::int64_t columns) {
  const double share = static_cast<double>(context.end - context.begin) /
                       static_cast<double>(items_for(flops, context.threads));
  const std::int64_t rows = context.in[0].rows + context.in[1].rows;
  return {share * flops, share * 4 * static_cast<double>(rows * columns)};
}

}  // namespace weft
