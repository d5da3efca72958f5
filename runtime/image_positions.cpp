#include "runtime/image_positions.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace weft {
namespace {

/// What of one side's places makes up a new one.
struct Taps {
  std::array<std::int64_t, 4> places{};
  std::array<double, 4> weights{};
};

// Keys' kernel at a distance of at most 1, and of 1 to 2.
double near(double x) { return (1.25 * x - 2.25) * x * x + 1; }
double far(double x) { return ((-0.75 * x + 3.75) * x - 6) * x + 3; }

/// Coordinates in float, as the reference has them; the centres of both sides lie on each other.
std::vector<Taps> new_places(std::int64_t from, std::int64_t to) {
  std::vector<Taps> result(static_cast<std::size_t>(to));
  const float scale = static_cast<float>(from) / static_cast<float>(to);
  for (std::int64_t i = 0; i < to; ++i) {
    const float place = scale * (static_cast<float>(i) + 0.5f) - 0.5f;
    const float cell = std::floor(place);
    const double t = place - cell;
    Taps& taps = result[static_cast<std::size_t>(i)];
    taps.weights = {far(t + 1), near(t), near(1 - t), far(2 - t)};
    for (std::size_t k = 0; k < taps.places.size(); ++k) {
      const std::int64_t at = static_cast<std::int64_t>(cell) - 1 + static_cast<std::int64_t>(k);
      taps.places[k] = std::clamp<std::int64_t>(at, 0, from - 1);
    }
  }
  return result;
}

}  // namespace

std::vector<float> resized_positions(std::span<const float> table, std::int64_t cols,
                                     std::int64_t leading, std::int64_t height,
                                     std::int64_t width) {
  const std::int64_t rows = static_cast<std::int64_t>(table.size()) / cols;
  const std::int64_t side = std::llround(std::sqrt(static_cast<double>(rows - leading)));
  if (height == side && width == side) return {table.begin(), table.end()};
  const std::span<const float> patches = table.subspan(static_cast<std::size_t>(leading * cols));
  const std::vector<Taps> down = new_places(side, height), across = new_places(side, width);
  std::vector<float> result(table.begin(), table.begin() + leading * cols);
  result.reserve(static_cast<std::size_t>((leading + height * width) * cols));
  std::vector<double> sums(static_cast<std::size_t>(cols));
  for (const Taps& y : down) {
    for (const Taps& x : across) {
      std::fill(sums.begin(), sums.end(), 0.0);
      for (std::size_t k = 0; k < 16; ++k) {
        const double weight = y.weights[k / 4] * x.weights[k % 4];
        if (weight == 0) continue;
        const float* row = patches.data() + (y.places[k / 4] * side + x.places[k % 4]) * cols;
        for (std::size_t c = 0; c < sums.size(); ++c) sums[c] += weight * row[c];
      }
      for (const double sum : sums) result.push_back(static_cast<float>(sum));
    }
  }
  return result;
}

}  // namespace weft
