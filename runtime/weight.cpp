#include "weft/weight.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "runtime/checked_size.h"
#include "runtime/checksum.h"
#include "runtime/safetensors_header.h"
#include "weft/error.h"

namespace weft {
namespace {

class MemorySource : public WeightSource {
 public:
  MemorySource(const float* data, std::int64_t size) : data_(data), size_(size) {}
  void read(std::int64_t first, std::int64_t count, void* out) const override {
    std::copy_n(data_ + first, count, static_cast<float*>(out));
  }
  std::optional<std::uint64_t> fingerprint() const override {
    return Checksum().add(data_, static_cast<std::size_t>(size_) * sizeof(float)).value();
  }

 private:
  const float* data_;
  std::int64_t size_;
};

// Exact, denormals included whatever the caller's floating-point state: no denormal float is ever
// an operand. 0x38800000 is 2^-14, the least normal half.
float widen_f16(std::uint16_t half) {
  const std::uint32_t sign = (half & 0x8000u) << 16;
  const std::uint32_t magnitude = half & 0x7FFFu;
  const std::uint32_t normal = (magnitude << 13) + (112u << 23);
  const std::uint32_t special = (magnitude << 13) | 0x7F800000u;
  const float denormal =
      std::bit_cast<float>(0x38800000u | magnitude << 13) - std::bit_cast<float>(0x38800000u);
  const std::uint32_t bits = magnitude >= 0x7C00u  ? special
                             : magnitude < 0x0400u ? std::bit_cast<std::uint32_t>(denormal)
                                                   : normal;
  return std::bit_cast<float>(sign | bits);
}

float widen_bf16(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

template <typename Stored, typename Widen>
void widen_all(const char* stored, std::int64_t count, float* out, Widen widen) {
  for (std::int64_t i = 0; i < count; ++i) {
    Stored value;
    std::memcpy(&value, stored + i * static_cast<std::int64_t>(sizeof(Stored)), sizeof value);
    out[i] = widen(value);
  }
}

}  // namespace

Weight::Weight(std::string name, std::vector<std::int64_t> shape, DType dtype,
               std::shared_ptr<const WeightSource> source)
    : name_(std::move(name)), shape_(std::move(shape)), dtype_(dtype), source_(std::move(source)) {
  if (!checked_elements(shape_)) {
    throw Error(Reason::kInvalidArgument,
                fmt::format("{}: shape {} is negative or overflows", name_, format_shape(shape_)));
  }
}

Weight Weight::from_memory(std::string name, std::vector<std::int64_t> shape, const float* data) {
  const std::int64_t size = checked_elements(shape).value_or(0);
  return {std::move(name), std::move(shape), DType::kF32,
          std::make_shared<MemorySource>(data, size)};
}

Weight Weight::reshaped(std::vector<std::int64_t> shape) const {
  Weight weight = *this;
  weight.shape_ = std::move(shape);
  if (checked_elements(weight.shape_) != checked_elements(shape_)) {
    throw Error(Reason::kInvalidArgument,
                fmt::format("{}: expected a shape of as many elements as "
                            "{}, found {}",
                            name_, format_shape(shape_), format_shape(weight.shape_)));
  }
  return weight;
}

std::int64_t Weight::rows() const noexcept {
  std::int64_t rows = 1;
  for (std::size_t i = 0; i + 1 < shape_.size(); ++i) rows *= shape_[i];
  return rows;
}

std::int64_t Weight::cols() const noexcept { return shape_.empty() ? 1 : shape_.back(); }

void Weight::read_raw(std::int64_t first_row, std::int64_t count, void* out) const {
  if (source_ == nullptr || first_row < 0 || count < 0 || count > rows() - first_row) {
    throw Error(Reason::kOutOfRange, fmt::format("{}: rows [{}, {} + {}) of {}", name_, first_row,
                                                 first_row, count, rows()));
  }
  source_->read(first_row * cols(), count * cols(), out);
}

void Weight::read_f32(std::int64_t first_row, std::int64_t count, float* out) const {
  if (dtype_ == DType::kF32) return read_raw(first_row, count, out);
  if (dtype_ != DType::kF16 && dtype_ != DType::kBF16 && dtype_ != DType::kF64) {
    throw Error(Reason::kUnsupported, fmt::format("{}: expected F32, F16, BF16 or F64, found {}",
                                                  name_, weft::to_string(dtype_)));
  }
  if (source_ == nullptr || first_row < 0 || count < 0 || count > rows() - first_row) {
    throw Error(Reason::kOutOfRange, fmt::format("{}: rows [{}, {} + {}) of {}", name_, first_row,
                                                 first_row, count, rows()));
  }
  constexpr std::int64_t kChunk = 16384;  // elements; the stored form stays in L2
  std::vector<char> stored(static_cast<std::size_t>(std::min(kChunk, count * cols())) * 8);
  const std::int64_t end = (first_row + count) * cols();
  for (std::int64_t first = first_row * cols(); first < end; first += kChunk) {
    const std::int64_t elements = std::min(kChunk, end - first);
    source_->read(first, elements, stored.data());
    if (dtype_ == DType::kF16) {
      widen_all<std::uint16_t>(stored.data(), elements, out, widen_f16);
    } else if (dtype_ == DType::kBF16) {
      widen_all<std::uint16_t>(stored.data(), elements, out, widen_bf16);
    } else {
      widen_all<double>(stored.data(), elements, out,
                        [](double value) { return static_cast<float>(value); });
      for (std::int64_t i = 0; i < elements; ++i) {
        double value = 0;
        std::memcpy(&value, stored.data() + i * 8, sizeof value);
        if (std::isinf(out[i]) && !std::isinf(value)) {
          throw Error(Reason::kUnsupported,
                      fmt::format("{}: element {}: {} is beyond the range of F32", name_, first + i,
                                  value));
        }
      }
    }
    out += elements;
  }
}

}  // namespace weft
