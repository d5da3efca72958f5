#include "runtime/checksum.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace weft {
namespace {

// Odd, so that multiplying by it loses nothing.
constexpr std::uint64_t kMultiplier = 0xd1b54a32d192ed03u;

std::uint64_t mixed(std::uint64_t x) {
  x = (x ^ x >> 32) * 0xe9846af9b1a615du;
  x = (x ^ x >> 32) * 0xe9846af9b1a615du;
  return x ^ x >> 28;
}

}  // namespace

Checksum::Checksum(std::uint64_t seed) noexcept {
  for (std::size_t i = 0; i < kLanes; ++i) lanes_[i] = mixed(seed * kLanes + i + 1);
}

// Each lane is a one-to-one function of its word, and of what it was.
void Checksum::add_block(const std::byte* block) noexcept {
  std::array<std::uint64_t, kLanes> words;
  std::memcpy(words.data(), block, kBlock);
#pragma GCC unroll 8
  for (std::size_t i = 0; i < kLanes; ++i) {
    lanes_[i] = std::rotl(lanes_[i] ^ words[i], 27) * kMultiplier;
  }
}

Checksum& Checksum::add(const void* data, std::size_t bytes) noexcept {
  const auto* next = static_cast<const std::byte*>(data);
  const std::size_t waiting = size_ % kBlock;
  size_ += bytes;
  if (waiting != 0) {
    const std::size_t taken = std::min(bytes, kBlock - waiting);
    std::copy_n(next, taken, pending_.begin() + static_cast<std::ptrdiff_t>(waiting));
    if (waiting + taken < kBlock) return *this;
    add_block(pending_.data());
    next += taken;
    bytes -= taken;
  }
  for (; bytes >= kBlock; bytes -= kBlock, next += kBlock) add_block(next);
  std::copy_n(next, bytes, pending_.begin());
  return *this;
}

std::uint64_t Checksum::value() const noexcept {
  Checksum last = *this;
  const std::size_t waiting = size_ % kBlock;
  std::fill(last.pending_.begin() + static_cast<std::ptrdiff_t>(waiting), last.pending_.end(),
            std::byte{0});
  last.add_block(last.pending_.data());
  std::uint64_t sum = mixed(size_ + 1);
  for (const std::uint64_t lane : last.lanes_) sum = mixed(sum ^ lane);
  return sum;
}

}  // namespace weft
