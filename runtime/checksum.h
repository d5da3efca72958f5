// A 64-bit checksum for files and keys: fast (memory bandwidth), not cryptographic. Any change
// within one aligned block of eight bytes changes it; other changes go unseen once in 2^64.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace weft {

/// Of all bytes added so far, however they were cut into calls. Different seeds, independent sums.
class Checksum {
 public:
  explicit Checksum(std::uint64_t seed = 0) noexcept;
  Checksum& add(const void* data, std::size_t bytes) noexcept;
  Checksum& add(std::string_view text) noexcept { return add(text.data(), text.size()); }
  Checksum& add(std::uint64_t number) noexcept { return add(&number, sizeof number); }
  std::uint64_t value() const noexcept;

 private:
  static constexpr std::size_t kLanes = 8;
  static constexpr std::size_t kBlock = kLanes * sizeof(std::uint64_t);
  void add_block(const std::byte* block) noexcept;

  std::array<std::uint64_t, kLanes> lanes_;
  std::array<std::byte, kBlock> pending_{};  // the first size_ % kBlock are waiting
  std::uint64_t size_ = 0;
};

}  // namespace weft
