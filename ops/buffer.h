// The one owner of raw memory: aligned, zeroed, and on huge pages when it is large.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

namespace weft {

/// `size` zero bytes, aligned to 64 (to 2 MiB from 2 MiB on). Move-only.
class Buffer {
 public:
  Buffer() = default;
  /// Throws Error(kResourceExhausted) if the memory cannot be had.
  explicit Buffer(std::size_t size);
  ~Buffer();
  Buffer(Buffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  Buffer& operator=(Buffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }

  std::byte* data() const noexcept { return data_; }
  float* f32() const noexcept { return reinterpret_cast<float*>(data_); }
  std::size_t size() const noexcept { return size_; }

 private:
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace weft
