// What a search over next tokens does with a row of scores: its largest element, its log-softmax,
// the best of several rows. Rows are as wide as a vocabulary (58 000 and more).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "weft/types.h"

namespace weft {

namespace simd {
struct Kernels;
}

class RowScores {
 public:
  /// `isa`: a level of this build and machine. Results depend on its vectors' width.
  explicit RowScores(Isa isa) noexcept;

  /// The column of the largest element, the first of equals; -1 if an element is NaN or there is
  /// none.
  std::int64_t argmax(std::span<const float> row) const noexcept;
  /// y = x - max - log(sum of exp(x - max)); x may be y. False, with y undefined, if an element is
  /// NaN or infinity, or all are -infinity.
  bool log_softmax(std::span<const float> x, std::span<float> y) const noexcept;

 private:
  const simd::Kernels* kernels_;
};

/// An element of one of several rows.
struct ScoredColumn {
  float score = 0;
  std::int32_t row = 0;
  std::int32_t column = 0;
};

/// The best elements of several rows, best first; of equals the one of the earlier row, then
/// column. Allocates nothing after construction.
class BestColumns {
 public:
  /// Keeps `count` >= 1.
  explicit BestColumns(std::int64_t count);

  void clear() noexcept { kept_.clear(); }
  /// Adds values[i] + base of every column i. Rows rise from call to call; no value is NaN.
  void add_row(std::int32_t row, std::span<const float> values, float base) noexcept;
  bool full() const noexcept { return kept_.size() == count_; }
  /// The worst score kept; only while there is one.
  float worst() const noexcept { return kept_.front().score; }
  /// Sorts and returns what was kept, up to `count`, until the next clear().
  std::span<const ScoredColumn> sorted() noexcept;

 private:
  void offer(const ScoredColumn& element) noexcept;

  std::size_t count_;
  std::vector<ScoredColumn> kept_;  // a heap, the worst first
};

}  // namespace weft
