// One packed weight matrix and how to multiply by it: c = activation(a W^T + bias) + residual.
// Two implementations behind one interface: weft's own packed kernels (native), whose results do
// not depend on the number of rows, threads or column cuts, and oneDNN, which is exempt from that.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "ops/packed.h"
#include "weft/tensor.h"
#include "weft/types.h"
#include "weft/weight.h"

namespace weft {

/// Rows [.., out_features) of a product: one Linear's parameters as the checkpoint stores them.
struct ProductPart {
  Weight weight;  // (out_features, in_features)
  Weight bias;    // (out_features), may be empty
};

struct ProductCall {
  Tensor a;         // (rows, in_features); need not be aligned; not read beyond its columns
  Tensor c;         // (rows, out_features), written in columns [first_col, last_col) only
  Tensor residual;  // (rows, out_features), data == nullptr: none; does not overlap c
  std::int64_t first_col = 0;    // a multiple of column_grain()
  std::int64_t last_col = 0;     // likewise, or out_features
  std::byte* scratch = nullptr;  // scratch_bytes(rows), 64-byte aligned, this thread's
};

class Product {
 public:
  virtual ~Product() = default;
  virtual void run(const ProductCall& call) const noexcept = 0;
  virtual std::int64_t in_features() const noexcept = 0;
  virtual std::int64_t out_features() const noexcept = 0;
  virtual std::int64_t column_grain() const noexcept = 0;  // 0: all columns in one call
  virtual std::size_t scratch_bytes(std::int64_t rows) const noexcept = 0;
  virtual std::size_t packed_bytes() const noexcept = 0;
  virtual std::string kernel() const = 0;  // e.g. "native avx512 14x32" or oneDNN's name
};

/// Whether make_product has products in `dtype` with `backend`, on every level.
bool product_available(GemmBackend backend, ComputeType dtype) noexcept;

/// Packs the parts side by side (out_features is their sum). `parts` all have one in_features,
/// which the caller has checked. The native product reads weights a panel at a time: the
/// stored and the packed form of a tensor are never both in memory (oneDNN's: one product's are).
/// Native products have their memory from `store`, one piece each. Throws what Weight::read_f32
/// throws, Error(kResourceExhausted), and kUnsupported if there is no such product or oneDNN
/// refuses.
std::unique_ptr<Product> make_product(GemmBackend backend, Isa isa, ComputeType dtype,
                                      const std::vector<ProductPart>& parts, Activation activation,
                                      PackStore* store = nullptr);

/// How a native product packs weights, in words: another text wherever other bytes are packed.
std::string product_layout(Isa isa, ComputeType dtype);

}  // namespace weft
