#include "cli/workload.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <random>

#include "weft/error.h"
#include "weft/safetensors.h"

namespace weft::cli {
namespace {

constexpr std::uint64_t kSeed = 1234;

std::vector<std::int64_t> integers(const std::string& file, const NamedArrays& arrays,
                                   const std::string& name) {
  const auto found = arrays.find(name);
  if (found == arrays.end()) {
    throw Error(Reason::kNotFound,
                fmt::format("{}: {}: expected such a tensor, found none", file, name));
  }
  const Array& array = found->second;
  if (array.shape.size() != 1 || (array.dtype != DType::kI64 && array.dtype != DType::kI32)) {
    throw Error(Reason::kInvalidArgument,
                fmt::format("{}: {}: expected I64 or I32 of rank 1, found {} of rank {}", file,
                            name, to_string(array.dtype), array.shape.size()));
  }
  if (array.dtype == DType::kI32) {
    const auto values = array.values<std::int32_t>();
    return {values.begin(), values.end()};
  }
  const auto values = array.values<std::int64_t>();
  return {values.begin(), values.end()};
}

Workload image_workload(const std::string& file, NamedArrays arrays) {
  Workload workload;
  workload.pixel_values = std::move(arrays.at("pixel_values"));
  const Array& images = workload.pixel_values;
  if (arrays.size() > 1 || images.dtype != DType::kF32 || images.shape.size() != 4) {
    throw Error(Reason::kInvalidArgument,
                fmt::format("{}: pixel_values: expected F32 of rank 4 and no other tensor, found "
                            "{} of rank {} and {} more",
                            file, to_string(images.dtype), images.shape.size(), arrays.size() - 1));
  }
  return workload;
}

}  // namespace

std::vector<std::int64_t> Workload::sorted_lengths() const {
  std::vector<std::int64_t> lengths;
  for (std::size_t i = 0; i + 1 < offsets.size(); ++i) {
    lengths.push_back(offsets[i + 1] - offsets[i]);
  }
  std::sort(lengths.begin(), lengths.end());
  return lengths;
}

void Workload::set_image_tokens(std::int64_t tokens) {
  offsets = {0};
  for (std::int64_t i = 0; i < sequences(); ++i) offsets.push_back(offsets.back() + tokens);
}

Workload read_workload(const std::string& file) {
  NamedArrays arrays = read_safetensors(file);
  if (arrays.contains("pixel_values")) return image_workload(file, std::move(arrays));
  Workload workload;
  workload.offsets = integers(file, arrays, "offsets");
  const std::vector<std::int64_t> ids = integers(file, arrays, "ids");
  const auto& offsets = workload.offsets;
  if (offsets.empty() || offsets.front() != 0 || offsets.back() != std::ssize(ids) ||
      !std::is_sorted(offsets.begin(), offsets.end())) {
    throw Error(Reason::kInvalidArgument,
                fmt::format("{}: offsets: expected 0 rising to {}, the number of ids, found others",
                            file, ids.size()));
  }
  workload.ids.reserve(ids.size());
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] < 0 || ids[i] > std::numeric_limits<std::int32_t>::max()) {
      throw Error(Reason::kOutOfRange,
                  fmt::format("{}: ids: entry {}: expected a token id, found {}", file, i, ids[i]));
    }
    workload.ids.push_back(static_cast<std::int32_t>(ids[i]));
  }
  return workload;
}

// The standard fixes the engine's numbers, not those of its distributions.
std::vector<std::int64_t> generate_lengths(std::int64_t n, std::int64_t fixed) {
  if (fixed > 0) return std::vector<std::int64_t>(static_cast<std::size_t>(n), fixed);
  constexpr double kMedian = 32, kMean = 45;
  const double mu = std::log(kMedian);
  const double sigma = std::sqrt(2 * std::log(kMean / kMedian));
  std::mt19937_64 engine(kSeed);
  const auto uniform = [&] { return (static_cast<double>(engine() >> 11) + 0.5) * 0x1p-53; };
  std::vector<std::int64_t> lengths;
  for (std::int64_t i = 0; i < n; ++i) {
    const double radius = std::sqrt(-2 * std::log(uniform()));
    const double normal = radius * std::cos(2 * std::numbers::pi * uniform());
    lengths.push_back(
        std::clamp<std::int64_t>(std::llround(std::exp(mu + sigma * normal)), 4, 256));
  }
  return lengths;
}

Workload generate_workload(std::span<const std::int64_t> lengths, std::int64_t longest,
                           std::int64_t vocabulary_size) {
  std::mt19937_64 engine(kSeed + 1);
  Workload workload;
  for (const std::int64_t length : lengths) {
    for (std::int64_t i = 0; i < std::min(length, longest); ++i) {
      workload.ids.push_back(
          static_cast<std::int32_t>(engine() % static_cast<std::uint64_t>(vocabulary_size)));
    }
    workload.offsets.push_back(std::ssize(workload.ids));
  }
  return workload;
}

Workload generate_images(std::int64_t images, std::span<const std::int64_t> shape) {
  std::mt19937_64 engine(kSeed + 2);
  Workload workload;
  workload.pixel_values = Array(DType::kF32, {images, shape[0], shape[1], shape[2]});
  for (float& value : workload.pixel_values.values<float>()) {
    value = static_cast<float>(static_cast<std::int64_t>(engine() >> 40) - (1 << 23)) * 0x1p-23f;
  }
  return workload;
}

}  // namespace weft::cli
