// One named parameter of a checkpoint or of the caller's memory, read only when a model is
// compiled.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "weft/types.h"

namespace weft {

class WeightOrigin;

/// Where a weight's elements come from. Implemented by checkpoint files and by memory.
class WEFT_API WeightSource {
 public:
  virtual ~WeightSource();
  /// Copies elements [first, first + count) in the stored dtype, C order, into `out`
  /// (count * bits / 8 bytes). Throws Error(kIoError) when the file cannot be read.
  virtual void read(std::int64_t first, std::int64_t count, void* out) const = 0;
  /// A number that other elements would have changed, found without reading most of them; none: not
  /// known, and what is packed from them is in no packed cache. May throw as read().
  virtual std::optional<std::uint64_t> fingerprint() const { return std::nullopt; }
  /// Appends the files that the elements come from.
  virtual void add_origins(std::vector<std::shared_ptr<const WeightOrigin>>&) const {}
};

/// A parameter: its checkpoint name, shape, stored dtype and source. Cheap to copy.
/// A matrix is (rows, cols) as stored, e.g. PyTorch's Linear weight (out_features, in_features);
/// a vector of n elements is seen as 1 x n.
class WEFT_API Weight {
 public:
  Weight() = default;
  Weight(std::string name, std::vector<std::int64_t> shape, DType dtype,
         std::shared_ptr<const WeightSource> source);
  /// `data` (F32, C order) is not copied and must live until the model is compiled.
  static Weight from_memory(std::string name, std::vector<std::int64_t> shape, const float* data);

  explicit operator bool() const noexcept { return source_ != nullptr; }
  const std::string& name() const noexcept { return name_; }
  const std::vector<std::int64_t>& shape() const noexcept { return shape_; }
  DType dtype() const noexcept { return dtype_; }
  std::int64_t rows() const noexcept;  ///< product of all dimensions but the last; 1 for vectors
  std::int64_t cols() const noexcept;  ///< the last dimension
  std::int64_t size() const noexcept { return rows() * cols(); }
  /// The same elements in the same order under another shape. Throws Error(kInvalidArgument) naming
  /// the parameter unless it has as many.
  Weight reshaped(std::vector<std::int64_t> shape) const;
  /// The same for two handles of one stored parameter, so that packed forms can be shared.
  const void* identity() const noexcept { return source_.get(); }
  /// As WeightSource.
  std::optional<std::uint64_t> fingerprint() const { return source_->fingerprint(); }
  void add_origins(std::vector<std::shared_ptr<const WeightOrigin>>& out) const {
    source_->add_origins(out);
  }

  /// Rows [first, first + count) as F32, exactly widened from F16 and BF16, rounded from F64.
  /// Throws Error(kUnsupported) naming the tensor for any other dtype, Error(kIoError).
  void read_f32(std::int64_t first_row, std::int64_t count, float* out) const;
  /// The same rows in the stored dtype.
  void read_raw(std::int64_t first_row, std::int64_t count, void* out) const;

 private:
  std::string name_;
  std::vector<std::int64_t> shape_;
  DType dtype_ = DType::kF32;
  std::shared_ptr<const WeightSource> source_;
};

}  // namespace weft
