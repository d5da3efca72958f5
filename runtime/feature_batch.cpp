// Batches of models that take no ids: vectors, and images cut into patches.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>

#include "runtime/batch_rows.h"
#include "runtime/image_positions.h"
#include "runtime/token_batch.h"
#include "weft/error.h"

namespace weft {
namespace {

constexpr std::int64_t kLargestSide = 1 << 16;

void require_f32(std::string_view name, const Array& array) {
  if (array.dtype != DType::kF32) {
    invalid_batch(fmt::format("{}: expected F32, found {}", name, to_string(array.dtype)));
  }
}

[[noreturn]] void wrong_shape(std::string_view name, const std::string& expected,
                              const Array& array) {
  invalid_batch(fmt::format("{}: expected {}, found shape [{}]", name, expected,
                            fmt::join(array.shape, ", ")));
}

/// The values of one patch in the order of a convolution's kernel: channel, row, column.
void unfold(const float* image, const ImageGrid& grid, std::int64_t patch, float* out) {
  const std::int64_t across = grid.width / grid.patch_width;
  const std::int64_t top = patch / across * grid.patch_height;
  const std::int64_t left = patch % across * grid.patch_width;
  for (std::int64_t c = 0; c < grid.channels; ++c) {
    for (std::int64_t i = 0; i < grid.patch_height; ++i) {
      std::memcpy(out, image + (c * grid.height + top + i) * grid.width + left,
                  static_cast<std::size_t>(grid.patch_width) * sizeof(float));
      out += grid.patch_width;
    }
  }
}

/// That of `images`, which must be the model's if it takes no other.
ImageGrid image_grid(const Array& images, const TokenLimits& limits) {
  ImageGrid grid = limits.image;
  const auto& shape = images.shape;
  const bool fits = shape.size() == 4 && shape[1] == grid.channels;
  if (limits.image_positions.empty()) {
    if (!fits || shape[2] != grid.height || shape[3] != grid.width) {
      wrong_shape("pixel_values",
                  fmt::format("[B, {}, {}, {}]", grid.channels, grid.height, grid.width), images);
    }
    return grid;
  }
  if (!fits || shape[2] < grid.patch_height || shape[2] > kLargestSide ||
      shape[3] < grid.patch_width || shape[3] > kLargestSide) {
    wrong_shape("pixel_values",
                fmt::format("[B, {}, {} to {}, {} to {}]", grid.channels, grid.patch_height,
                            kLargestSide, grid.patch_width, kLargestSide),
                images);
  }
  grid.height = shape[2];
  grid.width = shape[3];
  return grid;
}

}  // namespace

TokenBatch read_vector_batch(const NamedArrays& inputs, const TokenLimits& limits) {
  check_input_names(inputs, "inputs", {});
  const Array& vectors = inputs.at("inputs");
  require_f32("inputs", vectors);
  const bool padded = inputs.contains("attention_mask");
  const std::size_t rank = padded ? 3 : 2;
  if (vectors.shape.size() != rank || vectors.shape.back() != limits.vector_columns) {
    wrong_shape("inputs",
                fmt::format("[{}, {}]", padded ? "B, T" : "tokens", limits.vector_columns),
                vectors);
  }
  TokenBatch batch;
  batch.feature_columns = limits.vector_columns;
  const float* values = vectors.values<float>().data();
  const auto append = [&](std::int64_t sequence, std::int64_t row, std::int64_t length) {
    check_sequence_length("inputs", sequence, length, limits.max_tokens, batch.offsets.back());
    batch.features.insert(batch.features.end(), values + row * limits.vector_columns,
                          values + (row + length) * limits.vector_columns);
    batch.offsets.push_back(batch.offsets.back() + static_cast<std::int32_t>(length));
  };
  batch.offsets.push_back(0);
  if (!padded) {
    const Integers offsets = read_offsets(inputs, "inputs", vectors.shape[0]);
    for (std::int64_t s = 0; s + 1 < offsets.size(); ++s) {
      batch.first_column.push_back(0);
      append(s, offsets[s], offsets[s + 1] - offsets[s]);
    }
    return batch;
  }
  const Integers mask(inputs, "attention_mask", 2);
  const std::int64_t columns = vectors.shape[1];
  if (mask.shape()[0] != vectors.shape[0] || mask.shape()[1] != columns) {
    wrong_shape("attention_mask", fmt::format("[{}, {}]", vectors.shape[0], columns),
                inputs.at("attention_mask"));
  }
  batch.padded_columns = columns;
  for (std::int64_t s = 0; s < vectors.shape[0]; ++s) {
    const auto [first, last] = token_columns(mask, s, columns);
    batch.first_column.push_back(static_cast<std::int32_t>(first));
    append(s, s * columns + first, last - first);
  }
  return batch;
}

TokenBatch read_image_batch(const NamedArrays& inputs, const TokenLimits& limits) {
  for (const auto& [name, array] : inputs) {
    if (name != "pixel_values") {
      invalid_batch(
          fmt::format("{}: expected only [pixel_values], which is what this model takes", name));
    }
  }
  const auto found = inputs.find("pixel_values");
  if (found == inputs.end()) invalid_batch("pixel_values: expected, found none");
  const Array& images = found->second;
  require_f32("pixel_values", images);
  const ImageGrid grid = image_grid(images, limits);
  const std::int64_t most = std::max(grid.tokens(), limits.max_tokens);
  for (std::int64_t b = 0; b < images.shape[0]; ++b) {
    check_sequence_length("pixel_values", b, grid.tokens(), most, b * grid.tokens());
  }
  return image_batch(images.values<float>(), grid, limits);
}

TokenBatch image_batch(std::span<const float> pixel_values, const ImageGrid& grid,
                       const TokenLimits& limits) {
  const std::int64_t tokens = grid.tokens();
  const std::int64_t count = static_cast<std::int64_t>(pixel_values.size()) / grid.values();
  TokenBatch batch;
  batch.padded_columns = tokens;
  batch.feature_columns = grid.patch_size();
  if (!limits.image_positions.empty() && count > 0) {
    batch.position_rows =
        resized_positions(limits.image_positions, limits.vector_columns, grid.leading_tokens,
                          grid.height / grid.patch_height, grid.width / grid.patch_width);
  }
  batch.offsets.push_back(0);
  batch.features.resize(static_cast<std::size_t>(count * tokens * grid.patch_size()));
  for (std::int64_t b = 0; b < count; ++b) {
    const float* image = pixel_values.data() + b * grid.values();
    for (std::int64_t t = 0; t < tokens; ++t) {
      const std::int64_t patch = t - grid.leading_tokens;
      batch.type_ids.push_back(patch < 0 ? static_cast<std::int32_t>(t) + 1 : 0);
      batch.position_ids.push_back(static_cast<std::int32_t>(t));
      if (patch >= 0) {
        unfold(image, grid, patch, batch.features.data() + (b * tokens + t) * grid.patch_size());
      }
    }
    batch.first_column.push_back(0);
    batch.offsets.push_back(batch.offsets.back() + static_cast<std::int32_t>(tokens));
  }
  return batch;
}

}  // namespace weft
