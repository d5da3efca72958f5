// A checkpoint's parameters by their own names: weights.sub("encoder.layer.3").get("...").
#pragma once

#include <filesystem>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weft/weight.h"

namespace weft {

/// A view into an opened checkpoint under a name prefix. Cheap to copy; keeps the files open.
/// Files are read with pread through one descriptor each, never mapped.
class WEFT_API Weights {
 public:
  /// Opens a .safetensors file, or a directory with model.safetensors or
  /// model.safetensors.index.json (sharded). Checks the container completely (every rule of the
  /// format); reads no tensor. Throws Error: kNotFound, kIoError, kCorruptFile.
  static Weights open(const std::filesystem::path& file_or_directory);

  /// The parameters whose names begin with prefix + "."; an empty prefix is this view itself.
  Weights sub(std::string_view prefix) const;
  std::string prefix() const;  ///< with the trailing dot, or empty

  bool has(std::string_view name) const;
  /// The parameter `name` under this prefix, which must have exactly this shape.
  /// Legacy names are found too: LayerNorm.weight/bias also as gamma/beta. Marks it as used.
  /// Throws Error(kNotFound) listing every spelling tried, Error(kCorruptFile)
  /// "encoder.x.weight: expected [768, 768], file has [768, 512]", Error(kUnsupported) for a dtype
  /// that weft does not compute with.
  Weight get(std::string_view name, std::initializer_list<std::int64_t> shape) const;
  /// The same, whatever the shape.
  Weight get(std::string_view name) const;

  /// Full names in the checkpoint, sorted, and the subset that no get() asked for.
  std::vector<std::string> names() const;
  std::vector<std::string> unused() const;
  std::int64_t parameters() const;         ///< elements in all tensors of the checkpoint
  std::vector<std::string> files() const;  ///< the files read
  /// Scans every value; Error(kCorruptFile) names tensor and index of the first NaN or infinity.
  void check_finite() const;

 private:
  struct State;
  Weights(std::shared_ptr<State> state, std::string prefix);
  std::shared_ptr<State> state_;
  std::string prefix_;
};

}  // namespace weft
