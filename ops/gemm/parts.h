// The parts of a product seen as one (out_features, in_features) matrix.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "ops/gemm/product.h"

namespace weft::gemm {

/// Product of the sizes and of sizeof(float). Throws Error(kResourceExhausted) if it overflows.
std::size_t bytes_of(std::int64_t a, std::int64_t b, std::int64_t c = 1);

std::int64_t out_features_of(const std::vector<ProductPart>& parts) noexcept;

/// out[j] = bias of column j; columns of parts without a bias are left alone.
void read_bias(const std::vector<ProductPart>& parts, float* out);

/// Reads the weights' rows in order across the parts.
class PartReader {
 public:
  explicit PartReader(const std::vector<ProductPart>& parts) : parts_(parts) {}
  /// The next `count` rows, which must be there. out: (count, in_features).
  void read_rows(std::int64_t count, float* out);

 private:
  const std::vector<ProductPart>& parts_;
  std::size_t part_ = 0;
  std::int64_t row_ = 0;  // within the part
};

}  // namespace weft::gemm
