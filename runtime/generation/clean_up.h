// The spaces that transformers takes out of decoded text.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace weft {

enum class CleanUp : std::uint8_t { kNo, kYes };

/// tokenizer_config.json's clean_up_tokenization_spaces (none: no), which BPE tokenizers ignore.
/// Throws Error naming file and key.
CleanUp read_clean_up(const std::filesystem::path& directory);

/// "a , b 's" becomes "a, b's".
void clean_up_spaces(std::string& text);

}  // namespace weft
