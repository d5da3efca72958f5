// The file that weights come from, as a packed cache knows it again: by content, not by name.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>

#include "runtime/files.h"

namespace weft {

/// Thread-safe.
class WeightOrigin {
 public:
  /// A safetensors file whose container has been checked.
  explicit WeightOrigin(std::shared_ptr<const File> file) : file_(std::move(file)) {}

  const File& file() const noexcept { return *file_; }
  /// Of the file's size and header: names, shapes and places of all tensors.
  std::uint64_t identity() const;
  /// Of the tensor that lies there: identity(), place, and 256 bytes each from its beginning,
  /// middle and end.
  std::uint64_t sample(std::uint64_t offset, std::uint64_t bytes) const;
  /// Of every byte: reads the whole file.
  std::uint64_t content() const;

 private:
  std::shared_ptr<const File> file_;
  mutable std::once_flag once_;
  mutable std::uint64_t identity_ = 0;
};

}  // namespace weft
