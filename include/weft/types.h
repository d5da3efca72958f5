// The small vocabulary that the public API and the operators share.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "weft/export.h"

namespace weft {

/// Element types, by the names of the safetensors format. weft computes with the first four; the
/// others can be named, stored and copied.
enum class DType : std::uint8_t {
  kF32,
  kF16,
  kBF16,
  kF64,
  kI64,
  kI32,
  kI16,
  kI8,
  kU64,
  kU32,
  kU16,
  kU8,
  kBool,
  kC64,
  kF8E5M2,
  kF8E4M3,
  kF8E8M0,
  kF8E4M3FNUZ,
  kF8E5M2FNUZ,
  kF6E2M3,
  kF6E3M2,
  kF4,
};

/// Bits per element: 4 for F4, 6 for the F6 types.
WEFT_API int bits_of(DType dtype) noexcept;
/// The safetensors name, e.g. "BF16". Never null.
WEFT_API const char* to_string(DType dtype) noexcept;

/// y = f(x), element by element.
enum class Activation : std::uint8_t {
  kNone,
  kGelu,      ///< x * Phi(x), the exact erf form (Hugging Face "gelu")
  kGeluTanh,  ///< the tanh form ("gelu_new", "gelu_pytorch_tanh", "gelu_fast")
  kRelu,
  kSilu,
  kTanh,
  kSigmoid,
};
WEFT_API const char* to_string(Activation activation) noexcept;

/// How the rows of a sequence become one row.
enum class Pooling : std::uint8_t {
  kCls,           ///< the first row
  kMax,           ///< column-wise maximum
  kMean,          ///< sum / n
  kMeanSqrtLen,   ///< sum / sqrt(n)
  kWeightedMean,  ///< weights 1..n, by position in the sequence
  kLastToken,     ///< the last row
};
WEFT_API const char* to_string(Pooling pooling) noexcept;

/// Which keys a query may see, within its own sequence.
enum class KeyRule : std::uint8_t {
  kAll,
  kCausal,  ///< key position <= query position (+ keys - queries)
};

/// Which columns of a head form the pairs that a rotary embedding turns.
enum class RotaryPairs : std::uint8_t {
  kHalves,       ///< i and i + half of the rotated columns (Hugging Face's rotate_half)
  kInterleaved,  ///< 2 i and 2 i + 1
};

/// Instruction-set levels, in rising order; each has what those before it have. From kAvx512 on
/// they differ in the products of reduced precision only: f32 results are those of kAvx512, bit for
/// bit.
enum class Isa : std::uint8_t {
  kBaseline,    ///< x86-64-v2
  kAvx2,        ///< AVX2 and FMA
  kAvx512,      ///< AVX-512 F, BW, DQ, VL
  kAvx512Vnni,  ///< and VNNI: dot products of int8
  kAvx512Bf16,  ///< and BF16: dot products of bfloat16
  kAmx,         ///< and AMX TILE, BF16, INT8: tiles of 16 x 64 bytes
};
inline constexpr std::array kIsas = {Isa::kBaseline,   Isa::kAvx2,       Isa::kAvx512,
                                     Isa::kAvx512Vnni, Isa::kAvx512Bf16, Isa::kAmx};
/// "baseline", "avx2", "avx512", "avx512_vnni", "avx512_bf16" or "amx". Never null.
WEFT_API const char* to_string(Isa isa) noexcept;

/// What the products of a model's ragged rows (tokens) are computed in: weights and activations
/// are rounded to it, sums and everything beside these products stay in f32; attention's own
/// products may be in bf16 beside them (CompileOptions::attention_dtype).
enum class ComputeType : std::uint8_t {
  kF32,
  kBf16,
  kInt8,  ///< weights scaled per output channel, activations per row; sums are exact integers
};
/// "f32", "bf16" or "int8". Never null.
WEFT_API const char* to_string(ComputeType dtype) noexcept;

/// Which implementation computes matrix products.
enum class GemmBackend : std::uint8_t {
  kNative,  ///< weft's packed kernels: same bits whatever surrounds a row
  kOneDnn,  ///< oneDNN's matmul: exempt from the promise of same bits
};
WEFT_API const char* to_string(GemmBackend backend) noexcept;

}  // namespace weft
