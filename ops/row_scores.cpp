#include "ops/row_scores.h"

#include <algorithm>
#include <cmath>

#include "ops/simd/kernels.h"

namespace weft {
namespace {

// Columns that are looked at together: whether one matters is decided without a branch for each.
constexpr std::size_t kBlock = 64;

bool better(const ScoredColumn& a, const ScoredColumn& b) {
  if (a.score != b.score) return a.score > b.score;
  return a.row != b.row ? a.row < b.row : a.column < b.column;
}

float largest_sum(const float* values, float base) {
  constexpr std::size_t kLanes = 16;
  float most[kLanes];
  for (std::size_t lane = 0; lane < kLanes; ++lane) most[lane] = values[lane] + base;
  for (std::size_t i = kLanes; i < kBlock; i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const float sum = values[i + lane] + base;
      most[lane] = sum > most[lane] ? sum : most[lane];
    }
  }
  return *std::max_element(most, most + kLanes);
}

bool holds(const float* values, float wanted) {
  int found = 0;
  for (std::size_t i = 0; i < kBlock; ++i) found |= static_cast<int>(values[i] == wanted);
  return found != 0;
}

}  // namespace

RowScores::RowScores(Isa isa) noexcept : kernels_(simd::kernels(isa)) {}

std::int64_t RowScores::argmax(std::span<const float> row) const noexcept {
  const float most = kernels_->largest_or_nan(row.data(), static_cast<std::int64_t>(row.size()));
  std::size_t begin = 0;
  while (begin + kBlock <= row.size() && !holds(row.data() + begin, most)) begin += kBlock;
  const auto found = std::find(row.begin() + static_cast<std::ptrdiff_t>(begin), row.end(), most);
  return found == row.end() ? -1 : found - row.begin();
}

bool RowScores::log_softmax(std::span<const float> x, std::span<float> y) const noexcept {
  const auto n = static_cast<std::int64_t>(x.size());
  const float most = kernels_->largest_or_nan(x.data(), n);
  if (!std::isfinite(most)) return false;
  const float log_sum = std::log(kernels_->sum_exp(x.data(), most, n));
  for (std::size_t i = 0; i < x.size(); ++i) y[i] = x[i] - most - log_sum;
  return true;
}

BestColumns::BestColumns(std::int64_t count) : count_(static_cast<std::size_t>(count)) {
  kept_.reserve(count_);
}

void BestColumns::offer(const ScoredColumn& element) noexcept {
  if (!full()) {
    kept_.push_back(element);
    std::push_heap(kept_.begin(), kept_.end(), better);
  } else if (better(element, kept_.front())) {
    std::pop_heap(kept_.begin(), kept_.end(), better);
    kept_.back() = element;
    std::push_heap(kept_.begin(), kept_.end(), better);
  }
}

void BestColumns::add_row(std::int32_t row, std::span<const float> values, float base) noexcept {
  for (std::size_t begin = 0; begin < values.size(); begin += kBlock) {
    const std::size_t end = std::min(begin + kBlock, values.size());
    const bool whole = end - begin == kBlock;
    if (full() && whole && !(largest_sum(values.data() + begin, base) > worst())) continue;
    for (std::size_t i = begin; i < end; ++i) {
      offer({values[i] + base, row, static_cast<std::int32_t>(i)});
    }
  }
}

std::span<const ScoredColumn> BestColumns::sorted() noexcept {
  std::sort(kept_.begin(), kept_.end(), better);
  return kept_;
}

}  // namespace weft
