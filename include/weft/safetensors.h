// Reading and writing named arrays in the safetensors format.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "weft/tensor.h"

namespace weft {

using NamedArrays = std::map<std::string, Array>;

/// Reads every tensor of a file. Throws Error: kNotFound, kIoError, kCorruptFile (naming file,
/// tensor and byte offset). Allocates no more than the file's size plus its header.
WEFT_API NamedArrays read_safetensors(const std::filesystem::path& file);

/// Writes the arrays under a temporary name beside `file`, then renames: the file is there whole or
/// not at all. Throws Error(kIoError).
WEFT_API void write_safetensors(const std::filesystem::path& file, const NamedArrays& arrays);

}  // namespace weft
