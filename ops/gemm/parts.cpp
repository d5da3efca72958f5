#include "ops/gemm/parts.h"

#include <algorithm>

#include "weft/error.h"

namespace weft::gemm {

std::size_t bytes_of(std::int64_t a, std::int64_t b, std::int64_t c) {
  std::size_t bytes = 0;
  if (__builtin_mul_overflow(a, b, &bytes) || __builtin_mul_overflow(bytes, c, &bytes) ||
      __builtin_mul_overflow(bytes, sizeof(float), &bytes)) {
    throw Error(Reason::kResourceExhausted, "[linear] the packed weights exceed the address space");
  }
  return bytes;
}

std::int64_t out_features_of(const std::vector<ProductPart>& parts) noexcept {
  std::int64_t sum = 0;
  for (const ProductPart& part : parts) sum += part.weight.rows();
  return sum;
}

void read_bias(const std::vector<ProductPart>& parts, float* out) {
  for (const ProductPart& part : parts) {
    if (part.bias) part.bias.read_f32(0, 1, out);
    out += part.weight.rows();
  }
}

void PartReader::read_rows(std::int64_t count, float* out) {
  while (count > 0) {
    const Weight& weight = parts_[part_].weight;
    const std::int64_t n = std::min(count, weight.rows() - row_);
    weight.read_f32(row_, n, out);
    out += n * weight.cols();
    count -= n;
    row_ += n;
    if (row_ == weight.rows()) {
      ++part_;
      row_ = 0;
    }
  }
}

}  // namespace weft::gemm
