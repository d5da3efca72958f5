#include "ops/position_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "ops/infer_checks.h"
#include "ops/simd/kernels.h"

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

std::int64_t position_columns(PositionForm form, std::int64_t used, std::int64_t size) {
  constexpr std::int64_t kPanel = simd::kPositionPanel;
  return (form == PositionForm::kRows ? used : (used + kPanel - 1) / kPanel * kPanel) * size;
}

std::vector<ValueInfo> PositionTableOp::infer(std::span<const ValueInfo> in) const {
  expect_inputs(name(), in, 1);
  expect_f32_matrix(name(), "x", in[0]);
  if (in[0].fixed_rows <= used_.back()) {
    throw_invalid(name(), fmt::format("expected at least {} fixed rows, found {}", used_.back() + 1,
                                      in[0].fixed_rows));
  }
  if (in[0].cols % heads_ != 0) {
    throw_invalid(name(), fmt::format("expected columns divisible by {} heads, found {}", heads_,
                                      in[0].cols));
  }
  ValueInfo out = in[0];
  out.rows = out_rows_;
  out.fixed_rows = heads_;
  out.cols = position_columns(form_, static_cast<std::int64_t>(used_.size()), in[0].cols / heads_);
  return {out};
}

std::unique_ptr<Op> PositionTableOp::compile(const CompileContext&) const {
  return std::make_unique<PositionTableOp>(form_, used_, heads_, out_rows_);
}

void PositionTableOp::describe(const CompileContext&, PackKey& key) const {
  key.add(name()).add(static_cast<std::int64_t>(form_)).add(heads_);
  for (const std::int32_t row : used_) key.add(std::int64_t{row});
}

Work PositionTableOp::work(const RunContext& context) const {
  return {.flops = 0, .bytes = 8 * static_cast<double>(context.in[0].rows * context.in[0].cols)};
}

void PositionTableOp::run(const RunContext& context) const noexcept {
  constexpr std::int64_t kPanel = simd::kPositionPanel;
  const Tensor& x = context.in[0];
  const Tensor& out = context.out[0];
  const std::int64_t size = x.cols / heads_;
  for (std::int64_t head = 0; head < heads_; ++head) {
    float* table = out.f32(head);
    if (form_ == PositionForm::kPanels) std::fill_n(table, out.cols, 0.0f);
    for (std::size_t i = 0; i < used_.size(); ++i) {
      const float* row = x.f32(used_[i]) + head * size;
      const auto place = static_cast<std::int64_t>(i);
      if (form_ == PositionForm::kRows) {
        std::copy_n(row, size, table + place * size);
      } else {
        float* column = table + place / kPanel * kPanel * size + place % kPanel;
        for (std::int64_t c = 0; c < size; ++c) column[c * kPanel] = row[c];
      }
    }
  }
}

}  // namespace weft
