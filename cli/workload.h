// Token ids or images to measure with: read from a file, or generated, with lengths like real
// sentences'.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weft/safetensors.h"

namespace weft::cli {

/// Sequence i is ids[offsets[i]] to ids[offsets[i + 1] - 1], or image i.
struct Workload {
  std::vector<std::int32_t> ids;
  std::vector<std::int64_t> offsets = {0};  // rows of sequences, of images too
  Array pixel_values;                       // [images, channels, height, width]; else of rank 0

  bool of_images() const { return !pixel_values.shape.empty(); }
  std::int64_t sequences() const {
    return of_images() ? pixel_values.shape[0] : std::ssize(offsets) - 1;
  }
  std::int64_t tokens() const { return offsets.back(); }
  std::string_view items() const { return of_images() ? "images" : "sequences"; }
  std::vector<std::int64_t> sorted_lengths() const;
  /// Of images, once the model tells how many rows it makes of each.
  void set_image_tokens(std::int64_t tokens);
};

/// A .safetensors file with integers (I64 or I32) `ids` [tokens] and `offsets` [sequences + 1], or
/// with F32 `pixel_values` [images, channels, height, width]. Throws Error naming file, tensor and
/// entry.
Workload read_workload(const std::string& file);

/// n lengths: all `fixed` if that is positive, else lognormal with median 32 and mean 45, within
/// [4, 256]. The same on every machine.
std::vector<std::int64_t> generate_lengths(std::int64_t n, std::int64_t fixed);
/// Sequences of these lengths, cut to `longest`, of ids drawn evenly from [0, vocabulary_size).
Workload generate_workload(std::span<const std::int64_t> lengths, std::int64_t longest,
                           std::int64_t vocabulary_size);
/// Images of this shape (channels, height, width), values drawn evenly from [-1, 1).
Workload generate_images(std::int64_t images, std::span<const std::int64_t> shape);

}  // namespace weft::cli
