#include "ops/position_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "ops/infer_checks.h"

namespace weft {
namespace {

constexpr std::int64_t kMostDistance = 1 << 20;

// Of a distance >= 0; odd in the distance.
std::int64_t log_bucket(std::int64_t distance, std::int64_t middle, float ratio) {
  if (distance <= middle) return distance;
  const float place = std::log(static_cast<float>(distance) / static_cast<float>(middle)) / ratio *
                      static_cast<float>(middle - 1);
  return static_cast<std::int64_t>(std::ceil(place)) + middle;
}

}  // namespace

std::int64_t position_table_rows(std::int64_t buckets, std::int64_t max_distance) {
  return 2 * (buckets > 0 ? buckets : max_distance);
}

PositionRows position_rows(std::string_view name, std::int64_t buckets, std::int64_t max_distance) {
  if (max_distance < 1 || max_distance > kMostDistance) {
    throw_invalid(
        name, fmt::format("max_distance: expected 1 to {}, found {}", kMostDistance, max_distance));
  }
  const std::int64_t middle = buckets / 2;
  if (buckets != 0 && (buckets < 4 || middle + 1 >= max_distance)) {
    throw_invalid(name, fmt::format("buckets: expected 0 (none) or 4 to less than {}, found {}",
                                    2 * (max_distance - 1), buckets));
  }
  const std::int64_t span = buckets > 0 ? buckets : max_distance;
  const float ratio = buckets == 0
                          ? 1.0f
                          : std::log(static_cast<float>(static_cast<double>(max_distance - 1) /
                                                        static_cast<double>(middle)));
  std::vector<std::int64_t> reached{0};  // by distance >= 0, until no farther one differs
  while (reached.back() < span) {
    const auto distance = static_cast<std::int64_t>(reached.size());
    const std::int64_t bucket = buckets == 0 ? distance : log_bucket(distance, middle, ratio);
    reached.push_back(std::max(reached.back(), bucket));
  }
  PositionRows rows;
  rows.radius = static_cast<std::int64_t>(reached.size()) - 1;
  for (std::int64_t distance = -rows.radius; distance <= rows.radius; ++distance) {
    const std::int64_t bucket = reached[static_cast<std::size_t>(std::abs(distance))];
    const auto row = static_cast<std::int32_t>(
        std::clamp<std::int64_t>(span + (distance < 0 ? -bucket : bucket), 0, 2 * span - 1));
    if (rows.used.empty() || rows.used.back() != row) rows.used.push_back(row);
    rows.by_distance.push_back(static_cast<std::int32_t>(rows.used.size()) - 1);
  }
  return rows;
}

std::vector<ValueInfo> PositionTableOp::infer(std::span<const ValueInfo> in) const {
  expect_inputs(name(), in, 1);
  expect_f32_matrix(name(), "x", in[0]);
  if (in[0].fixed_rows <= used_.back()) {
    throw_invalid(name(), fmt::format("expected at least {} fixed rows, found {}", used_.back() + 1,
                                      in[0].fixed_rows));
  }
  const auto used = static_cast<std::int64_t>(used_.size());
  ValueInfo out = in[0];
  out.rows = out_rows_;
  out.fixed_rows = form_ == PositionForm::kRows ? used : in[0].cols;
  out.cols = form_ == PositionForm::kRows ? in[0].cols : used + kZeroColumns;
  return {out};
}

std::unique_ptr<Op> PositionTableOp::compile(const CompileContext&) const {
  return std::make_unique<PositionTableOp>(form_, used_, out_rows_);
}

void PositionTableOp::describe(const CompileContext&, PackKey& key) const {
  key.add(name()).add(static_cast<std::int64_t>(form_));
  for (const std::int32_t row : used_) key.add(std::int64_t{row});
}

Work PositionTableOp::work(const RunContext& context) const {
  return {.flops = 0, .bytes = 8 * static_cast<double>(context.in[0].rows * context.in[0].cols)};
}

void PositionTableOp::run(const RunContext& context) const noexcept {
  const Tensor& x = context.in[0];
  const Tensor& out = context.out[0];
  for (std::size_t i = 0; i < used_.size(); ++i) {
    const float* row = x.f32(used_[i]);
    const auto place = static_cast<std::int64_t>(i);
    if (form_ == PositionForm::kRows) {
      std::copy_n(row, x.cols, out.f32(place));
    } else {
      for (std::int64_t col = 0; col < x.cols; ++col) out.f32(col)[place] = row[col];
    }
  }
  if (form_ == PositionForm::kRows) return;
  for (std::int64_t col = 0; col < x.cols; ++col) {
    std::fill_n(out.f32(col) + used_.size(), kZeroColumns, 0.0f);
  }
}

}  // namespace weft
