// Special tokens by their role, which tokenizer.json does not tell.
#pragma once

#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "weft/tokenizer.h"

namespace weft {

struct SpecialToken {
  std::int32_t id = 0;
  std::string content;
};

/// The token that tokenizer_config.json or special_tokens_map.json gives the role `key` (e.g.
/// "mask_token"), else the first of `usual` that the vocabulary has, else none.
/// Throws Error(kInvalidArgument, kCorruptFile) naming the file.
std::optional<SpecialToken> find_special_token(const std::filesystem::path& directory,
                                               const Tokenizer& tokenizer, std::string_view key,
                                               std::initializer_list<std::string_view> usual);

}  // namespace weft
