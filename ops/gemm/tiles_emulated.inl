// The tile registers of AMX in portable code, with the arithmetic of the instructions: for tests on
// machines that lack them.
#pragma once

#include <cstdint>

namespace weft::gemm {
namespace {

class EmulatedTiles {
 public:
  template <int kTile>
  void zero() {
    for (auto& row : tiles_[kTile].words) {
      for (std::uint32_t& word : row) word = 0;
    }
  }
  template <int kTile>
  void load(const void* from, std::int64_t stride) {
    for (int i = 0; i < 16; ++i) {
      __builtin_memcpy(tiles_[kTile].words[i], static_cast<const char*>(from) + i * stride, 64);
    }
  }
  template <int kTile>
  void store(void* to, std::int64_t stride) {
    for (int i = 0; i < 16; ++i) {
      __builtin_memcpy(static_cast<char*>(to) + i * stride, tiles_[kTile].words[i], 64);
    }
  }

  /// Even and odd k are two chains from zero, rounded once a step, whose sum is added to the tile.
  /// Subnormals are zero where they come in and where they would come out.
  template <int kSum, int kA, int kB>
  void dot_bf16() {
    for (int m = 0; m < 16; ++m) {
      for (int n = 0; n < 16; ++n) {
        float even = 0, odd = 0;
        for (int k = 0; k < 16; ++k) {
          const std::uint32_t a = tiles_[kA].words[m][k];
          const std::uint32_t b = tiles_[kB].words[k][n];
          even = flushed(__builtin_fmaf(number(a << 16), number(b << 16), even));
          odd = flushed(__builtin_fmaf(number(a & kHigh), number(b & kHigh), odd));
        }
        std::uint32_t& sum = tiles_[kSum].words[m][n];
        sum = __builtin_bit_cast(std::uint32_t, flushed(number(sum) + flushed(even + odd)));
      }
    }
  }

  /// Sums wrap at 32 bits.
  template <int kSum, int kA, int kB>
  void dot_u8_s8() {
    for (int m = 0; m < 16; ++m) {
      for (int n = 0; n < 16; ++n) {
        std::uint32_t sum = tiles_[kSum].words[m][n];
        for (int k = 0; k < 16; ++k) {
          for (int byte = 0; byte < 32; byte += 8) {
            const auto a = static_cast<std::uint8_t>(tiles_[kA].words[m][k] >> byte);
            const auto b = static_cast<std::int8_t>(tiles_[kB].words[k][n] >> byte);
            sum += static_cast<std::uint32_t>(a * b);
          }
        }
        tiles_[kSum].words[m][n] = sum;
      }
    }
  }

 private:
  static constexpr std::uint32_t kHigh = 0xffff0000u;

  static float flushed(float x) {
    const auto bits = __builtin_bit_cast(std::uint32_t, x);
    return (bits & 0x7f800000u) == 0 ? __builtin_bit_cast(float, bits & 0x80000000u) : x;
  }
  static float number(std::uint32_t bits) { return flushed(__builtin_bit_cast(float, bits)); }

  struct Tile {
    alignas(64) std::uint32_t words[16][16];
  };
  Tile tiles_[8] = {};
};

}  // namespace
}  // namespace weft::gemm
