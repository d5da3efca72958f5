#include "weft/positions.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

#include "runtime/checksum.h"
#include "runtime/safetensors_header.h"
#include "weft/error.h"

namespace weft {
namespace {

[[noreturn]] void invalid(const std::string& message) {
  throw Error(Reason::kInvalidArgument, message);
}

// Values that follow from `recipe` and, if there is one, a weight. They are computed when they are
// first read: never if a packed cache has them.
class ComputedSource : public WeightSource {
 public:
  ComputedSource(std::string recipe, Weight from, std::function<std::vector<float>()> compute)
      : recipe_(std::move(recipe)), from_(std::move(from)), compute_(std::move(compute)) {}

  void read(std::int64_t first, std::int64_t count, void* out) const override {
    std::call_once(once_, [&] { values_ = compute_(); });
    std::copy_n(values_.data() + first, count, static_cast<float*>(out));
  }
  std::optional<std::uint64_t> fingerprint() const override {
    Checksum sum;
    sum.add(recipe_);
    if (from_) {
      const auto content = from_.fingerprint();
      if (!content) return std::nullopt;
      sum.add(*content);
    }
    return sum.value();
  }
  void add_origins(std::vector<std::shared_ptr<const WeightOrigin>>& out) const override {
    if (from_) from_.add_origins(out);
  }

 private:
  std::string recipe_;
  Weight from_;
  std::function<std::vector<float>()> compute_;
  mutable std::once_flag once_;
  mutable std::vector<float> values_;
};

Weight computed(std::string name, std::int64_t rows, std::int64_t cols, std::string recipe,
                Weight from, std::function<std::vector<float>()> compute) {
  return {std::move(name),
          {rows, cols},
          DType::kF32,
          std::make_shared<ComputedSource>(std::move(recipe), std::move(from), std::move(compute))};
}

constexpr std::int64_t kMostDistances = 1 << 24;
constexpr std::int64_t kMostRotaryColumns = 1 << 16;

void check_buckets(DistanceBuckets rule, std::int64_t buckets, std::int64_t max_distance) {
  const bool both = rule == DistanceBuckets::kBidirectional;
  if (buckets < 4 || (both && buckets % 2 != 0)) {
    invalid(fmt::format("[bucket_bias] buckets: expected at least 4{}, found {}",
                        both ? " and an even number" : "", buckets));
  }
  const std::int64_t single = buckets / (both ? 4 : 2);
  if (max_distance <= single || max_distance > kMostDistances) {
    invalid(fmt::format("[bucket_bias] max_distance: expected {} to {} with {} buckets, found {}",
                        single + 1, kMostDistances, buckets, max_distance));
  }
}

std::int64_t bucket_of(std::int64_t distance, DistanceBuckets rule, std::int64_t buckets,
                       std::int64_t max_distance) {
  std::int64_t first = 0;
  std::int64_t n = -distance;
  if (rule == DistanceBuckets::kBidirectional) {
    buckets /= 2;
    if (distance > 0) first = buckets;
    n = std::abs(distance);
  }
  n = std::max<std::int64_t>(n, 0);
  const std::int64_t single = buckets / 2;
  if (n < single) return first + n;
  // In f32, in the reference's order: a bucket's edge may fall on a distance.
  const auto ratio =
      static_cast<float>(std::log(static_cast<double>(max_distance) / static_cast<double>(single)));
  const float place = std::log(static_cast<float>(n) / static_cast<float>(single)) / ratio *
                      static_cast<float>(buckets - single);
  return first + std::min(single + static_cast<std::int64_t>(place), buckets - 1);
}

std::vector<double> slopes_of_power(std::int64_t heads) {
  std::vector<double> slopes;
  for (std::int64_t i = 1; i <= heads; ++i) {
    slopes.push_back(std::exp2(-8.0 * static_cast<double>(i) / static_cast<double>(heads)));
  }
  return slopes;
}

std::vector<double> alibi_slopes(std::int64_t heads) {
  std::int64_t power = 1;
  while (2 * power <= heads) power *= 2;
  std::vector<double> slopes = slopes_of_power(power);
  const std::vector<double> finer = slopes_of_power(2 * power);
  for (std::int64_t i = 0; power + i < heads; ++i) {
    slopes.push_back(finer[static_cast<std::size_t>(2 * i)]);
  }
  return slopes;
}

std::vector<float> rotary_angles(std::int64_t positions, std::int64_t columns,
                                 const RotaryTableOptions& options) {
  std::vector<float> frequencies;
  for (std::int64_t i = 0; i < columns; i += 2) {
    const float exponent = static_cast<float>(i) / static_cast<float>(columns);
    const auto power = static_cast<float>(std::pow(options.base, static_cast<double>(exponent)));
    frequencies.push_back(1.0f / power / static_cast<float>(options.slowed_by));
  }
  std::vector<float> table;
  table.reserve(static_cast<std::size_t>(positions * columns));
  for (std::int64_t position = 0; position < positions; ++position) {
    for (double (*function)(double) :
         {+[](double x) { return std::cos(x); }, +[](double x) { return std::sin(x); }}) {
      for (const float frequency : frequencies) {
        const float angle = static_cast<float>(position) * frequency;
        table.push_back(static_cast<float>(function(static_cast<double>(angle))));
      }
    }
  }
  return table;
}

}  // namespace

std::int64_t distance_bucket(std::int64_t distance, DistanceBuckets rule, std::int64_t buckets,
                             std::int64_t max_distance) {
  check_buckets(rule, buckets, max_distance);
  return bucket_of(distance, rule, buckets, max_distance);
}

Weight bucket_bias(const Weight& table, DistanceBuckets rule, std::int64_t max_distance) {
  if (!table || table.shape().size() != 2) {
    invalid(fmt::format("[bucket_bias] {}: expected a table (buckets, heads)", table.name()));
  }
  const std::int64_t buckets = table.rows(), heads = table.cols();
  check_buckets(rule, buckets, max_distance);
  const std::int64_t cols = 2 * max_distance + 1;
  const auto compute = [=] {
    std::vector<float> entries(static_cast<std::size_t>(buckets * heads));
    table.read_f32(0, buckets, entries.data());
    std::vector<float> bias(static_cast<std::size_t>(heads * cols));
    for (std::int64_t i = 0; i < cols; ++i) {
      const std::int64_t bucket = bucket_of(i - max_distance, rule, buckets, max_distance);
      for (std::int64_t head = 0; head < heads; ++head) {
        bias[static_cast<std::size_t>(head * cols + i)] =
            entries[static_cast<std::size_t>(bucket * heads + head)];
      }
    }
    return bias;
  };
  return computed(table.name() + " by distance", heads, cols,
                  fmt::format("bucket_bias {} {} {}", static_cast<int>(rule), max_distance,
                              format_shape(table.shape())),
                  table, compute);
}

Weight alibi_bias(std::int64_t heads, std::int64_t longest) {
  if (heads < 1 || heads > kMostDistances) {
    invalid(fmt::format("[alibi_bias] heads: expected 1 to {}, found {}", kMostDistances, heads));
  }
  if (longest < 1 || longest > kMostDistances) {
    invalid(
        fmt::format("[alibi_bias] longest: expected 1 to {}, found {}", kMostDistances, longest));
  }
  const std::int64_t cols = 2 * longest - 1;
  const auto compute = [=] {
    std::vector<float> bias;
    bias.reserve(static_cast<std::size_t>(heads * cols));
    for (const double slope : alibi_slopes(heads)) {
      for (std::int64_t i = 0; i < cols; ++i) {
        bias.push_back(static_cast<float>(slope) *
                       -static_cast<float>(std::abs(i - (longest - 1))));
      }
    }
    return bias;
  };
  return computed("alibi", heads, cols, fmt::format("alibi {} {}", heads, longest), {}, compute);
}

Weight rotary_table(std::int64_t positions, std::int64_t columns,
                    const RotaryTableOptions& options) {
  if (positions < 1 || positions > kMostDistances) {
    invalid(fmt::format("[rotary_table] positions: expected 1 to {}, found {}", kMostDistances,
                        positions));
  }
  if (columns < 2 || columns % 2 != 0 || columns > kMostRotaryColumns) {
    invalid(fmt::format("[rotary_table] columns: expected an even number from 2 to {}, found {}",
                        kMostRotaryColumns, columns));
  }
  for (const auto& [name, value] :
       {std::pair{"base", options.base}, {"slowed_by", options.slowed_by}}) {
    if (!(value > 0) || !std::isfinite(value)) {
      invalid(fmt::format("[rotary_table] {}: expected a positive number, found {}", name, value));
    }
  }
  const auto compute = [=] { return rotary_angles(positions, columns, options); };
  return computed(
      "rotary", positions, columns,
      fmt::format("rotary {} {} {} {}", positions, columns, options.base, options.slowed_by), {},
      compute);
}

Weight sinusoid_table(std::int64_t positions, std::int64_t columns, SinusoidOrder order) {
  const auto check = [](std::string_view argument, std::int64_t value, std::int64_t most) {
    if (value >= 1 && value <= most) return;
    invalid(fmt::format("[sinusoid_table] {}: expected 1 to {}, found {}", argument, most, value));
  };
  check("positions", positions, kMostDistances);
  check("columns", columns, kMostRotaryColumns);
  const auto compute = [=] {
    const std::int64_t sines = (columns + 1) / 2;
    std::vector<float> table(static_cast<std::size_t>(positions * columns));
    for (std::int64_t position = 0; position < positions; ++position) {
      float* row = table.data() + position * columns;
      for (std::int64_t i = 0; i < sines; ++i) {
        const double angle =
            static_cast<double>(position) /
            std::pow(10000.0, 2 * static_cast<double>(i) / static_cast<double>(columns));
        const bool interleaved = order == SinusoidOrder::kInterleaved;
        row[interleaved ? 2 * i : i] = static_cast<float>(std::sin(angle));
        if (i < columns / 2) {
          row[interleaved ? 2 * i + 1 : sines + i] = static_cast<float>(std::cos(angle));
        }
      }
    }
    return table;
  };
  return computed("sinusoids", positions, columns,
                  fmt::format("sinusoids {} {} {}", positions, columns, static_cast<int>(order)),
                  {}, compute);
}

}  // namespace weft
