// The tile registers of AMX: eight of 16 rows x 64 bytes. g++ 12's own intrinsics tell the compiler
// of neither the memory that a tile load reads nor all of the palette, hence the assembly.
#pragma once

#include <cstdint>

namespace weft::gemm {
namespace {

struct HardwareTiles {
  HardwareTiles() {
    alignas(64) std::uint8_t palette[64] = {1};
    for (int i = 0; i < 8; ++i) {
      palette[16 + 2 * i] = 64;  // bytes of a row
      palette[48 + i] = 16;      // rows
    }
    asm volatile("ldtilecfg %0" ::"m"(palette));
  }
  ~HardwareTiles() { asm volatile("tilerelease"); }
  HardwareTiles(const HardwareTiles&) = delete;
  HardwareTiles& operator=(const HardwareTiles&) = delete;

  template <int kTile>
  [[gnu::always_inline]] void zero() {
    asm volatile("tilezero %%tmm%c0" ::"i"(kTile));
  }
  /// Row i from `from` + i * stride bytes.
  template <int kTile>
  [[gnu::always_inline]] void load(const void* from, std::int64_t stride) {
    asm volatile("tileloadd (%0, %1, 1), %%tmm%c2" ::"r"(from), "r"(stride), "i"(kTile) : "memory");
  }
  template <int kTile>
  [[gnu::always_inline]] void store(void* to, std::int64_t stride) {
    asm volatile("tilestored %%tmm%c2, (%0, %1, 1)" ::"r"(to), "r"(stride), "i"(kTile) : "memory");
  }
  /// sum (16 x 16 f32) += a (16 rows of 32 bf16) b (16 pairs of k, of 16 columns)
  template <int kSum, int kA, int kB>
  [[gnu::always_inline]] void dot_bf16() {
    asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(kSum), "i"(kA), "i"(kB));
  }
  /// sum (16 x 16 s32) += a (16 rows of 64 u8) b (16 quads of k of 16 columns, s8)
  template <int kSum, int kA, int kB>
  [[gnu::always_inline]] void dot_u8_s8() {
    asm volatile("tdpbusd %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(kSum), "i"(kA), "i"(kB));
  }
};

}  // namespace
}  // namespace weft::gemm
