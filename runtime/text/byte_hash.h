// The hash of byte strings that tables of words share: two multiplications for up to 16 bytes,
// which is nearly every word.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace weft {

/// A seed that no file and no text can know, so that neither can choose strings that collide.
std::uint64_t draw_hash_seed();

namespace byte_hash {

template <typename T>
inline std::uint64_t load(const char* from) noexcept {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

inline std::uint64_t multiply_fold(std::uint64_t a, std::uint64_t b) noexcept {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

}  // namespace byte_hash

// Two overlapping loads cover up to 16 bytes.
inline std::uint64_t hash_bytes(std::string_view key, std::uint64_t seed) noexcept {
  using namespace byte_hash;
  constexpr std::uint64_t kOdd = 0x9E3779B97F4A7C15, kOther = 0xE7037ED1A0B428DB;
  const char* at = key.data();
  std::size_t left = key.size();
  std::uint64_t state = seed ^ (left * kOdd);
  while (left > 16) {
    state = multiply_fold(load<std::uint64_t>(at) ^ state, load<std::uint64_t>(at + 8) ^ kOther);
    at += 16;
    left -= 16;
  }
  std::uint64_t a = 0, b = 0;
  if (left >= 8) {
    a = load<std::uint64_t>(at);
    b = load<std::uint64_t>(at + left - 8);
  } else if (left >= 4) {
    a = load<std::uint32_t>(at);
    b = load<std::uint32_t>(at + left - 4);
  } else if (left > 0) {
    a = load<std::uint8_t>(at) | load<std::uint8_t>(at + left / 2) << 8 |
        load<std::uint8_t>(at + left - 1) << 16;
  }
  return multiply_fold(multiply_fold(a ^ state, b ^ kOther) ^ seed, kOdd);
}

/// Whether two strings of `size` bytes are the same, without a call for short ones.
inline bool same_bytes(const char* a, const char* b, std::size_t size) noexcept {
  using namespace byte_hash;
  if (size > 16) return std::memcmp(a, b, size) == 0;
  if (size >= 8) {
    return ((load<std::uint64_t>(a) ^ load<std::uint64_t>(b)) |
            (load<std::uint64_t>(a + size - 8) ^ load<std::uint64_t>(b + size - 8))) == 0;
  }
  if (size >= 4) {
    return ((load<std::uint32_t>(a) ^ load<std::uint32_t>(b)) |
            (load<std::uint32_t>(a + size - 4) ^ load<std::uint32_t>(b + size - 4))) == 0;
  }
  for (std::size_t i = 0; i < size; ++i) {
    if (a[i] != b[i]) return false;
  }
  return true;
}

}  // namespace weft
