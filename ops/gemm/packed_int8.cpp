#include "ops/gemm/packed_int8.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "ops/buffer.h"
#include "ops/gemm/parts.h"
#include "weft/error.h"

namespace weft::gemm {
namespace {

// 2^16 * 127 * 255 < 2^31
constexpr std::int64_t kMostInFeatures = std::int64_t{1} << 16;

std::int64_t checked_in_features(const std::vector<ProductPart>& parts) {
  const std::int64_t in_features = parts[0].weight.cols();
  if (in_features > kMostInFeatures) {
    throw Error(Reason::kUnsupported,
                fmt::format("[linear] {}: expected at most {} in_features for dtype int8, found {}",
                            parts[0].weight.name(), kMostInFeatures, in_features));
  }
  return in_features;
}

}  // namespace

PackedInt8::PackedInt8(const std::vector<ProductPart>& parts, const Int8Layout& layout,
                       PackStore* store)
    : panel_cols_(layout.panel_cols),
      group_(layout.group),
      in_features_(checked_in_features(parts)),
      out_features_(out_features_of(parts)),
      groups_((in_features_ + layout.depth_grain - 1) / layout.depth_grain *
              (layout.depth_grain / layout.group)) {
  PackLayout places;
  places.add(bytes_of(panels(), panel_bytes() / 4));
  const std::size_t per_column = bytes_of(panels(), panel_cols_);
  const std::size_t scales = places.add(per_column);
  const std::size_t bias = places.add(per_column);
  const std::size_t sums = places.add(per_column);
  packed_ = get_packed(store, places.size(), [&](std::byte* out) {
    read_bias(parts, reinterpret_cast<float*>(out + bias));
    pack(parts, layout, reinterpret_cast<std::int8_t*>(out), reinterpret_cast<float*>(out + scales),
         reinterpret_cast<std::int32_t*>(out + sums));
  });
  scales_ = reinterpret_cast<const float*>(packed_.data() + scales);
  bias_ = reinterpret_cast<const float*>(packed_.data() + bias);
  sums_ = reinterpret_cast<const std::int32_t*>(packed_.data() + sums);
}

void PackedInt8::pack(const std::vector<ProductPart>& parts, const Int8Layout& layout,
                      std::int8_t* weights, float* scales, std::int32_t* sums) const {
  const Buffer rows(bytes_of(panel_cols_, in_features_));
  const Buffer bytes(static_cast<std::size_t>(groups_ * group_));  // zeros beyond in_features
  auto* quantized = reinterpret_cast<std::int8_t*>(bytes.data());
  PartReader reader(parts);
  for (std::int64_t p = 0; p < panels(); ++p) {
    const std::int64_t cols = std::min(panel_cols_, out_features_ - p * panel_cols_);
    reader.read_rows(cols, rows.f32());
    for (std::int64_t j = 0; j < cols; ++j) {
      scales[p * panel_cols_ + j] =
          layout.quantize_weights(rows.f32() + j * in_features_, in_features_, quantized);
      std::int32_t sum = 0;
      for (std::int64_t k = 0; k < in_features_; ++k) sum += quantized[k];
      sums[p * panel_cols_ + j] = sum;
      std::int8_t* out = weights + p * panel_bytes() + j * group_;
      for (std::int64_t g = 0; g < groups_; ++g) {
        std::memcpy(out + g * panel_cols_ * group_, quantized + g * group_,
                    static_cast<std::size_t>(group_));
      }
    }
  }
}

}  // namespace weft::gemm
