#include "runtime/generation/clean_up.h"

#include <array>
#include <string_view>
#include <utility>

#include "runtime/config.h"
#include "runtime/files.h"

namespace weft {
namespace {

constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 30;

bool is_byte_pair(const std::filesystem::path& file) {
  bool found = false;
  Json::parse_members(read_text_file(file, kMaxBytes), file.string(), {},
                      [&](const std::string& name, const Json& value) {
                        if (name != "model") return;
                        const Json* type = value.find("type");
                        found = type != nullptr && type->is_string()
                                    ? type->as_string() == "BPE"
                                    : value.find("merges") != nullptr;
                      });
  return found;
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  std::string result;
  std::size_t begin = 0;
  for (std::size_t at; (at = text.find(from, begin)) != std::string::npos;
       begin = at + from.size()) {
    result.append(text, begin, at - begin).append(to);
  }
  text = result.append(text, begin);
}

}  // namespace

CleanUp read_clean_up(const std::filesystem::path& directory) {
  constexpr std::string_view kKey = "clean_up_tokenization_spaces";
  const std::filesystem::path file = directory / "tokenizer_config.json";
  if (!is_there(file)) return CleanUp::kNo;
  if (!Config::load(file).flag_or(kKey, false)) return CleanUp::kNo;
  return is_byte_pair(directory / "tokenizer.json") ? CleanUp::kNo : CleanUp::kYes;
}

void clean_up_spaces(std::string& text) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 10> kRules = {{
      {" .", "."},
      {" ?", "?"},
      {" !", "!"},
      {" ,", ","},
      {" ' ", "'"},
      {" n't", "n't"},
      {" 'm", "'m"},
      {" 's", "'s"},
      {" 've", "'ve"},
      {" 're", "'re"},
  }};
  for (const auto& [from, to] : kRules) replace_all(text, from, to);
}

}  // namespace weft
