// Weights in int8 as the kernels want them: panels of columns in which groups of k lie side by
// side.
#pragma once

#include <cstdint>
#include <vector>

#include "ops/gemm/product.h"
#include "ops/packed.h"

namespace weft::gemm {

struct Int8Layout {
  std::int64_t panel_cols;
  std::int64_t group;        // values of k side by side
  std::int64_t depth_grain;  // k is padded to a multiple with zeros; a multiple of group
  /// As Int8Kernels::quantize_weights.
  float (*quantize_weights)(const float* x, std::int64_t depth, std::int8_t* out);
};

class PackedInt8 {
 public:
  /// Throws Error(kUnsupported) beyond 65536 in_features, where sums could leave 32 bits.
  PackedInt8(const std::vector<ProductPart>& parts, const Int8Layout& layout, PackStore* store);

  std::int64_t in_features() const noexcept { return in_features_; }
  std::int64_t out_features() const noexcept { return out_features_; }
  std::int64_t groups() const noexcept { return groups_; }  // of k, padded
  std::int64_t panel_bytes() const noexcept { return groups_ * panel_cols_ * group_; }
  std::size_t bytes() const noexcept { return packed_.size(); }
  // Of the panel numbered `panel`; what lies beyond either feature is 0.
  const std::int8_t* weights(std::int64_t panel) const noexcept {
    return reinterpret_cast<const std::int8_t*>(packed_.data()) + panel * panel_bytes();
  }
  const float* scales(std::int64_t panel) const noexcept { return scales_ + panel * panel_cols_; }
  const float* bias(std::int64_t panel) const noexcept { return bias_ + panel * panel_cols_; }
  /// Of a channel's bytes.
  const std::int32_t* sums(std::int64_t panel) const noexcept {
    return sums_ + panel * panel_cols_;
  }

 private:
  std::int64_t panels() const noexcept { return (out_features_ + panel_cols_ - 1) / panel_cols_; }
  void pack(const std::vector<ProductPart>& parts, const Int8Layout& layout, std::int8_t* weights,
            float* scales, std::int32_t* sums) const;

  std::int64_t panel_cols_;
  std::int64_t group_;
  std::int64_t in_features_;
  std::int64_t out_features_;
  std::int64_t groups_;
  Packed packed_;  // weights (panels, groups, panel_cols, group), then (panels, panel_cols) each:
  const float* scales_;
  const float* bias_;
  const std::int32_t* sums_;
};

}  // namespace weft::gemm
