// A compiled graph: immutable, shareable between threads and sessions.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "weft/graph.h"

namespace weft {

/// What is checked of a packed cache before it is used. Its header, its size and what it was packed
/// from always are.
enum class CacheCheck : std::uint8_t {
  kHeader,
  kPayload,  ///< also the checksums of all packed bytes and of the files that they came from
};

/// What became of the packed cache of a model.
enum class CacheState : std::uint8_t {
  kOff,         ///< none was asked for
  kRead,        ///< all packed memory is mapped from it
  kWritten,     ///< there was none, or not the right one: packed and written
  kNotWritten,  ///< packed, but it could not be written
};
/// "off", "read", "written" or "not written". Never null.
WEFT_API const char* to_string(CacheState state) noexcept;

struct CacheReport {
  CacheState state = CacheState::kOff;
  std::string file;
  std::vector<std::string> notes;  ///< why a file that was there was not used, or none was written
};

struct CompileOptions {
  /// Instruction-set level; none: the environment's WEFT_ISA, else the best this processor has.
  std::optional<Isa> isa;
  GemmBackend gemm = GemmBackend::kNative;
  /// Products with one row per sequence (poolers, Dense) and with constants stay in f32.
  ComputeType dtype = ComputeType::kF32;
  /// Of the two products of `Graph::attention` over ragged rows; an error unless
  /// attention_dtype_available(). kBf16 is never the default: no machine has shown its speed yet.
  ComputeType attention_dtype = ComputeType::kF32;
  /// Where packed weights are kept from one process to the next; empty: nowhere. They are mapped
  /// read-only from there, so that processes share one copy, or written there (a new file, renamed
  /// when it is complete) if that is missing or wrong. Whatever is wrong with it, compiling
  /// succeeds and gives the same bits. Who can write there can change what models compute; a file
  /// there must never be written to or truncated, only removed or replaced.
  std::filesystem::path cache_directory{};
  CacheCheck cache_check = CacheCheck::kHeader;
};

/// The levels of this processor and operating system, in rising order; never empty.
WEFT_API std::vector<Isa> available_isas();
/// The level that a model is compiled for when none is asked: WEFT_ISA, else the best available.
/// Throws Error(kInvalidArgument) if WEFT_ISA is unknown, Error(kUnsupported) if the machine or
/// this build lacks it.
WEFT_API Isa default_isa();
/// Whether attention's products can be in `attention` beside products in `dtype`: in kF32 always,
/// in kBf16 with kBf16 and kInt8 on the levels that have bfloat16 arithmetic (kAvx512Bf16, kAmx).
WEFT_API bool attention_dtype_available(ComputeType attention, ComputeType dtype, Isa isa) noexcept;
/// Whether this build computes products in `dtype` with `gemm`.
WEFT_API bool dtype_available(ComputeType dtype, GemmBackend gemm) noexcept;

class WEFT_API Model {
 public:
  /// Packs the weights, tensor by tensor, and freezes the graph. Throws Error.
  static std::shared_ptr<const Model> compile(Graph graph, const CompileOptions& options = {});
  ~Model();
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  Isa isa() const noexcept;
  GemmBackend gemm() const noexcept;
  ComputeType dtype() const noexcept;
  ComputeType attention_dtype() const noexcept;
  /// The implementations of the products in use, e.g. "native avx512 14x32", each once; attention's
  /// too where it is bf16.
  std::vector<std::string> kernels() const;
  std::size_t packed_bytes() const noexcept;  ///< memory of weights and tables, mapped or not
  const CacheReport& cache() const noexcept;
  std::vector<std::string> outputs() const;  ///< names, in the order of Graph::output

  struct Impl;
  const Impl& impl() const noexcept { return *impl_; }

 private:
  explicit Model(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace weft
