// What an operator is: a const object over 2-D matrices. infer() checks everything when a graph is
// built and throws; run() neither checks, allocates nor throws.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ops/packed.h"
#include "weft/tensor.h"
#include "weft/types.h"

namespace weft {

namespace simd {
struct AttentionKernels;
struct Kernels;
}  // namespace simd

/// All that shape inference needs to know of a value.
struct ValueInfo {
  std::int32_t rows = -1;        // id of its row space in the graph
  std::int64_t fixed_rows = -1;  // the number of rows when that space is fixed, else -1
  std::int64_t cols = 0;         // for a per-key value: heads
  DType dtype = DType::kF32;
  bool per_key = false;  // run-time columns: cols * longest key sequence
};

/// One row space in one run.
struct RowsView {
  std::span<const std::int32_t> offsets;    // sequences + 1
  std::span<const std::int32_t> by_length;  // sequence indices, longest first, ties by index
  std::int64_t longest = 0;
  std::int64_t sequences() const { return static_cast<std::int64_t>(offsets.size()) - 1; }
};

/// Upper bounds that scratch is planned for.
struct Limits {
  std::int64_t block_rows = 0;  // rows of one call of a row-wise op
  std::int64_t longest = 0;     // rows of the longest sequence
  int threads = 1;
};

/// Cost of one call, for the profiler and the roofline.
struct Work {
  double flops = 0;
  double bytes = 0;
};

/// Everything that one call of run() reads.
struct RunContext {
  std::span<const Tensor> in;         // row-wise ops: the block's rows only; others: all rows
  std::span<const Tensor> out;        // likewise; an output nobody asked for has data == nullptr
  std::span<const RowsView> in_rows;  // per input, its row space (ops that are not row-wise)
  RowsView out_rows;                  // of out[0] (likewise)
  std::int64_t begin = 0;  // row-wise: columns [begin, end) of out[0]; else: items [begin, end)
  std::int64_t end = 0;
  std::byte* scratch = nullptr;  // this thread's, scratch_bytes() long, 64-byte aligned
  int threads = 1;               // how many share this run (items may be cut finer for more)
};

class ProductCache;
class TableCache;

struct CompileContext {
  Isa isa = Isa::kBaseline;
  GemmBackend gemm = GemmBackend::kNative;
  ComputeType dtype = ComputeType::kF32;  // of large products
  const simd::Kernels* kernels = nullptr;
  const simd::AttentionKernels* attention = nullptr;
  ProductCache* products = nullptr;  // of one model: equal products are packed once; null: never
  TableCache* tables = nullptr;      // likewise, tables of embeddings
  PackStore* store = nullptr;        // of packed memory; null: it is filled on the spot
};

/// Whether attention's two products are computed in `attention` beside products in `dtype`: kF32
/// always, kBf16 beside reduced precision on the levels that have instructions for it.
bool attention_available(Isa isa, ComputeType dtype, ComputeType attention) noexcept;

/// The kernels of a level; `kernels` and `attention` are null if this build lacks it. `attention`
/// is kF32, or kBf16 where attention_available().
CompileContext make_compile_context(Isa isa, GemmBackend gemm,
                                    ComputeType dtype = ComputeType::kF32,
                                    ComputeType attention = ComputeType::kF32) noexcept;

class Op {
 public:
  virtual ~Op() = default;
  virtual std::string_view name() const = 0;             // the field's word, e.g. "layer_norm"
  virtual std::string_view label() const { return {}; }  // which one, e.g. a weight's name

  /// Shapes of the outputs; throws Error(kInvalidArgument) "[name] ..." when the inputs do not fit.
  virtual std::vector<ValueInfo> infer(std::span<const ValueInfo> in) const = 0;

  /// The op ready to run on one instruction set: weights packed, kernels chosen. Called once per
  /// model; run() is only ever called on the result.
  virtual std::unique_ptr<Op> compile(const CompileContext& context) const = 0;

  /// Adds to `key` all that compile() packs and run() computes depend on besides the level and the
  /// inputs. Left empty: unknown, and nothing of it is kept in a packed cache.
  virtual void describe(const CompileContext&, PackKey&) const {}

  /// True: any block of rows may be computed alone. False: the op mixes rows within sequences and
  /// is run by items.
  virtual bool row_wise() const { return true; }
  /// Row-wise ops: true for an input of which every block reads all rows (matmul's right side).
  virtual bool reads_whole([[maybe_unused]] std::size_t input) const { return false; }
  /// Ops that are not row-wise: true for an input whose rows it finds by number, so that its
  /// sequences need not pair with those of the other inputs.
  virtual bool finds_rows([[maybe_unused]] std::size_t input) const { return false; }
  /// Row-wise ops whose output columns can be computed apart: the grain of such a cut; 0: none.
  virtual std::int64_t column_grain() const { return 0; }
  /// Ops that are not row-wise: the number of independent items of this run, dearest first.
  virtual std::int64_t items(const RunContext&) const { return 0; }
  virtual std::size_t scratch_bytes(const Limits&) const { return 0; }
  virtual std::size_t packed_bytes() const { return 0; }
  /// Once compiled, the implementation of its product, e.g. "native avx512 14x32"; else empty.
  virtual std::string kernel() const { return {}; }
  /// Cost of run() with the same context.
  virtual Work work(const RunContext& context) const = 0;
  virtual void run(const RunContext& context) const noexcept = 0;
};

}  // namespace weft
