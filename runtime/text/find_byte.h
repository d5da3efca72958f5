// The next of a byte in a text, eight at a time and without a call: words are short.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

namespace weft {

/// The first place in [at, end) that holds the byte, or end.
inline std::size_t find_byte(const char* text, std::size_t at, std::size_t end,
                             char byte) noexcept {
  static_assert(std::endian::native == std::endian::little);
  constexpr std::uint64_t kOnes = 0x0101010101010101, kHighs = 0x8080808080808080;
  const std::uint64_t wanted = kOnes * static_cast<unsigned char>(byte);
  for (; at + 8 <= end; at += 8) {
    std::uint64_t block;
    std::memcpy(&block, text + at, 8);
    block ^= wanted;
    // The lowest of these bits is that of the first zero byte.
    const std::uint64_t zeros = (block - kOnes) & ~block & kHighs;
    if (zeros != 0) return at + static_cast<std::size_t>(std::countr_zero(zeros)) / 8;
  }
  while (at < end && text[at] != byte) ++at;
  return at;
}

}  // namespace weft
