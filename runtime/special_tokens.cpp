#include "runtime/special_tokens.h"

#include <fmt/format.h>

#include "runtime/config.h"
#include "runtime/files.h"
#include "runtime/utf8.h"

namespace weft {

std::optional<SpecialToken> find_special_token(const std::filesystem::path& directory,
                                               const Tokenizer& tokenizer, std::string_view key,
                                               std::initializer_list<std::string_view> usual) {
  for (const char* name : {"tokenizer_config.json", "special_tokens_map.json"}) {
    const std::filesystem::path file = directory / name;
    if (!is_there(file)) continue;
    const Config config = Config::load(file);
    const Json* value = config.find(key);
    if (value == nullptr) continue;
    // Older files write {"content": "[MASK]", ...}.
    const Json* content = value->is_object() ? value->find("content") : value;
    if (content == nullptr || !content->is_string()) {
      config.invalid(key, fmt::format("expected a token, found {}", value->preview()));
    }
    const auto id = tokenizer.token_to_id(content->as_string());
    if (!id) {
      config.invalid(key, fmt::format("expected a token of the vocabulary, found {}",
                                      in_quotes(content->as_string())));
    }
    return SpecialToken{*id, content->as_string()};
  }
  for (std::string_view token : usual) {
    if (const auto id = tokenizer.token_to_id(token)) return SpecialToken{*id, std::string(token)};
  }
  return std::nullopt;
}

}  // namespace weft
