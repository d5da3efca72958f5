// Rows of embeddings as .safetensors, .npy or JSON lines, written as they come. The number of rows
// is not known when the first is written: binary headers have a fixed, padded size and are filled
// in at the end.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace weft::cli {

enum class EmbeddingFormat : std::uint8_t { kSafetensors, kNpy, kJsonLines };

/// By the extension; "-" is JSON lines. Throws UsageError naming --output.
EmbeddingFormat embedding_format(const std::string& output);

class EmbeddingOutput {
 public:
  virtual ~EmbeddingOutput() = default;
  /// Whole rows of `cols` floats, following those before. Throws Error.
  virtual void write(std::span<const float> rows, std::int64_t cols) = 0;
  /// Makes the output visible; `cols` is the width even if there was no row.
  virtual void publish(std::int64_t cols) = 0;

  /// `output` "-" is stdout, held back until publish(). Throws Error(kIoError).
  static std::unique_ptr<EmbeddingOutput> open(const std::string& output);
};

}  // namespace weft::cli
