// A compiled graph: immutable, shareable between threads and sessions.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "weft/graph.h"

namespace weft {

struct CompileOptions {
  /// Instruction-set level; none: the environment's WEFT_ISA, else the best this processor has.
  std::optional<Isa> isa;
  GemmBackend gemm = GemmBackend::kNative;
  /// Products with one row per sequence (poolers, Dense) and with constants stay in f32.
  ComputeType dtype = ComputeType::kF32;
};

/// The levels of this processor and operating system, in rising order; never empty.
WEFT_API std::vector<Isa> available_isas();
/// The level that a model is compiled for when none is asked: WEFT_ISA, else the best available.
/// Throws Error(kInvalidArgument) if WEFT_ISA is unknown, Error(kUnsupported) if the machine or
/// this build lacks it.
WEFT_API Isa default_isa();
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
  /// The implementations of the products in use, e.g. "native avx512 14x32", each once.
  std::vector<std::string> kernels() const;
  std::size_t packed_bytes() const noexcept;  ///< memory held by weights and tables
  std::vector<std::string> outputs() const;   ///< names, in the order of Graph::output

  struct Impl;
  const Impl& impl() const noexcept { return *impl_; }

 private:
  explicit Model(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace weft
