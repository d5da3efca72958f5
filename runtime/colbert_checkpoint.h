// Directories of the colbert-ai package (HF_ColBERT): a transformer, the projection linear.weight
// in the same checkpoint, and artifact.metadata, but no modules.json.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "runtime/sentence_modules.h"
#include "weft/weights.h"

namespace weft {

inline constexpr const char* kColbertArchitecture = "HF_ColBERT";  // of config.json's architectures
inline constexpr const char* kColbertMetadata = "artifact.metadata";

/// Whether `directory` is one, by its config.json, if it has any. Throws Error as Config does.
bool is_colbert_checkpoint(const std::filesystem::path& directory);

/// Its projection, which has no bias, and the Normalize that colbert-ai leaves to the program.
/// Throws Error(kNotFound, kCorruptFile) naming the tensor.
std::vector<SentenceModule> read_colbert_modules(const Weights& checkpoint,
                                                 std::int64_t hidden_size);

}  // namespace weft
