// The files of a checkpoint: one .safetensors file, or the shards that an index names.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "runtime/files.h"
#include "runtime/safetensors_header.h"

namespace weft {

struct CheckpointFile {
  std::shared_ptr<const File> file;
  std::vector<TensorEntry> tensors;
};

/// Opens and checks every file of the checkpoint; no tensor is read. `path` is a .safetensors file
/// or a directory with model.safetensors, else model.safetensors.index.json.
/// Guaranteed over all files: tensor names are unique, and each tensor of the index is in the shard
/// that the index names. Throws Error: kNotFound, kIoError, kCorruptFile, and kUnsupported for a
/// directory that has its weights in another format only.
std::vector<CheckpointFile> open_checkpoint(const std::filesystem::path& path);

}  // namespace weft
