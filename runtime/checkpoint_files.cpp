#include "runtime/checkpoint_files.h"

#include <fmt/format.h>

#include <array>
#include <map>
#include <set>
#include <string_view>

#include "runtime/files.h"
#include "runtime/json.h"
#include "runtime/utf8.h"
#include "weft/error.h"

namespace weft {
namespace {

constexpr const char* kSingleFile = "model.safetensors";
constexpr const char* kIndexFile = "model.safetensors.index.json";
constexpr std::array kOtherFormats = {"pytorch_model.bin", "pytorch_model.bin.index.json",
                                      "model.bin",         "model.pt",
                                      "tf_model.h5",       "flax_model.msgpack"};

CheckpointFile open_file(const std::filesystem::path& path) {
  auto file = std::make_shared<const File>(path);
  std::vector<TensorEntry> tensors = read_safetensors_header(*file);
  return {std::move(file), std::move(tensors)};
}

[[noreturn]] void corrupt_index(const std::filesystem::path& index, const std::string& problem) {
  throw Error(Reason::kCorruptFile, fmt::format("{}: {}", index.string(), problem));
}

// Tensor names by shard.
std::map<std::string, std::vector<std::string_view>> read_weight_map(
    const std::filesystem::path& index, const Json& json) {
  const Json* weight_map = json.find("weight_map");
  if (weight_map == nullptr || !weight_map->is_object()) {
    corrupt_index(index, fmt::format("weight_map: expected an object, found {}",
                                     weight_map == nullptr ? "nothing" : weight_map->preview()));
  }
  std::map<std::string, std::vector<std::string_view>> shards;
  for (const auto& [tensor, shard] : weight_map->members()) {
    if (!shard.is_string() || !is_plain_file_name(shard.as_string())) {
      corrupt_index(index, fmt::format("weight_map: {}: expected a plain file name, found {}",
                                       in_quotes(tensor), shard.preview()));
    }
    shards[shard.as_string()].push_back(tensor);
  }
  if (shards.empty()) corrupt_index(index, "weight_map: expected tensors, found none");
  return shards;
}

std::vector<CheckpointFile> open_shards(const std::filesystem::path& index) {
  const Json json = Json::parse(read_text_file(index, kMaxHeaderBytes), index.string());
  const auto shards = read_weight_map(index, json);
  std::vector<CheckpointFile> files;
  std::map<std::string, std::string> shard_of;  // every tensor of every shard
  for (const auto& [shard, tensors] : shards) {
    files.push_back(open_file(index.parent_path() / shard));
    for (const TensorEntry& entry : files.back().tensors) {
      const auto [first, inserted] = shard_of.emplace(entry.name, shard);
      if (!inserted) {
        corrupt_index(index, fmt::format("tensor {} is in two shards, {} and {}",
                                         in_quotes(entry.name), first->second, shard));
      }
    }
  }
  for (const auto& [shard, tensors] : shards) {
    for (const std::string_view tensor : tensors) {
      const auto found = shard_of.find(std::string(tensor));
      if (found == shard_of.end() || found->second != shard) {
        corrupt_index(index, fmt::format("tensor {}: expected in {}, which does not hold it",
                                         in_quotes(tensor), shard));
      }
    }
  }
  return files;
}

}  // namespace

std::vector<CheckpointFile> open_checkpoint(const std::filesystem::path& path) {
  std::error_code ignored;
  std::vector<CheckpointFile> files;
  if (!std::filesystem::is_directory(path, ignored)) {
    files.push_back(open_file(path));
    return files;
  }
  if (is_there(path / kSingleFile)) {
    files.push_back(open_file(path / kSingleFile));
    return files;
  }
  if (is_there(path / kIndexFile)) return open_shards(path / kIndexFile);
  for (const char* other : kOtherFormats) {
    if (std::filesystem::exists(path / other, ignored)) {
      throw Error(Reason::kUnsupported,
                  fmt::format("{}: expected {} or {}, found only {}, which weft does not read "
                              "(save the model again with safe_serialization=True)",
                              path.string(), kSingleFile, kIndexFile, other));
    }
  }
  throw Error(Reason::kNotFound, fmt::format("{}: expected {} or {}, found neither", path.string(),
                                             kSingleFile, kIndexFile));
}

}  // namespace weft
