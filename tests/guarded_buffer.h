// Memory that faults when it is left: for kernels that must not read or write beyond their lengths.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <new>
#include <span>
#include <vector>

namespace weft::test {

/// Which side of the buffer touches a page without access.
enum class Guard { kAfter, kBefore };

/// n elements, zero-filled, whose last (kAfter) or first (kBefore) byte borders on a PROT_NONE
/// page. With kAfter the start is only as aligned as n elements allow, which is what a misaligned
/// row is.
template <typename T>
class GuardedBuffer {
 public:
  explicit GuardedBuffer(std::size_t n, Guard guard = Guard::kAfter) : size_(n) {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    const std::size_t body = std::max<std::size_t>(1, (n * sizeof(T) + page - 1) / page) * page;
    bytes_ = body + 2 * page;
    void* memory = mmap(nullptr, bytes_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    base_ = static_cast<std::byte*>(memory);
    std::byte* first = base_ + page;
    if (mprotect(first, body, PROT_READ | PROT_WRITE) != 0) throw std::bad_alloc();
    data_ = reinterpret_cast<T*>(guard == Guard::kBefore ? first : first + body - n * sizeof(T));
  }
  GuardedBuffer(const std::vector<T>& values, Guard guard = Guard::kAfter)
      : GuardedBuffer(values.size(), guard) {
    std::copy(values.begin(), values.end(), data_);
  }
  ~GuardedBuffer() { munmap(base_, bytes_); }
  GuardedBuffer(const GuardedBuffer&) = delete;
  GuardedBuffer& operator=(const GuardedBuffer&) = delete;

  T* data() noexcept { return data_; }
  const T* data() const noexcept { return data_; }
  std::size_t size() const noexcept { return size_; }
  T& operator[](std::size_t i) noexcept { return data_[i]; }
  const T& operator[](std::size_t i) const noexcept { return data_[i]; }
  std::span<T> values() noexcept { return {data_, size_}; }

 private:
  std::byte* base_ = nullptr;
  std::size_t bytes_ = 0;
  T* data_ = nullptr;
  std::size_t size_;
};

}  // namespace weft::test
