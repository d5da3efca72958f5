// The header of a safetensors file, checked completely: what is accepted here can be read without
// further thought. Rules of the format: https://github.com/huggingface/safetensors.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/files.h"
#include "weft/types.h"

namespace weft {

struct TensorEntry {
  std::string name;
  std::optional<DType> dtype;  // none: a name that weft does not know
  std::string dtype_name;      // as the file spells it
  std::vector<std::int64_t> shape;
  std::uint64_t offset = 0;  // in the file; not aligned to anything
  std::uint64_t bytes = 0;
};

/// Longest header that the format allows, and most dimensions that weft takes.
inline constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;
inline constexpr std::size_t kMaxRank = 8;

/// The tensors, in the order in which they lie. Guaranteed: names are unique, [offset, offset +
/// bytes) cover the rest of the file exactly once, bytes fit shape and dtype (where it is known),
/// and the product of the dimensions does not overflow even where one is 0.
/// Throws Error(kCorruptFile) naming file, tensor and what was expected; a file that is evidently
/// something else (a Git LFS pointer, a pickle) is called that.
std::vector<TensorEntry> read_safetensors_header(const File& file);

/// The dtype of a safetensors name, or none.
std::optional<DType> dtype_from_name(std::string_view name) noexcept;

/// "[2, 3]".
std::string format_shape(const std::vector<std::int64_t>& shape);

}  // namespace weft
