// Positions of an image's patches for images of another size.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace weft {

/// `table` has `leading` rows of tokens before the patches, which stay as they are, and those of a
/// square of patches, row by row. The result has height x width patches, by bicubic interpolation
/// (Keys 1981, a = -0.75) with sides clamped, as torch.nn.functional.interpolate(mode="bicubic",
/// align_corners=False) has it and transformers' models/dinov2 uses it. For the same square:
/// `table`.
std::vector<float> resized_positions(std::span<const float> table, std::int64_t cols,
                                     std::int64_t leading, std::int64_t height, std::int64_t width);

}  // namespace weft
