// What a tile holds: 16 rows of 64 bytes.
#pragma once

#include <cstdint>

namespace weft::gemm {
namespace {

constexpr std::int64_t kTileRows = 16;
constexpr std::int64_t kTileBytes = 1024;

constexpr std::int64_t round_up(std::int64_t n, std::int64_t grain) {
  return (n + grain - 1) / grain * grain;
}

}  // namespace
}  // namespace weft::gemm
