#include "runtime/module_list.h"

#include <fmt/format.h>

#include <string_view>

#include "runtime/config.h"
#include "runtime/files.h"
#include "runtime/utf8.h"
#include "weft/error.h"

namespace weft {
namespace {

constexpr std::uint64_t kMaxBytes = 1 << 20;

// Component by component, so that no path leaves the directory. "" is the directory itself.
std::filesystem::path subdirectory(const Config& entry, const std::filesystem::path& directory) {
  const std::string path = entry.has("path") ? entry.text("path") : "";
  std::filesystem::path result = directory;
  std::string_view rest = path;
  while (!rest.empty()) {
    const std::string_view component = rest.substr(0, rest.find('/'));
    if (!is_plain_file_name(component)) {
      entry.invalid("path",
                    fmt::format("expected a path inside the directory, found {}", in_quotes(path)));
    }
    result /= component;
    rest.remove_prefix(component.size());
    if (!rest.empty()) rest.remove_prefix(1);
  }
  return result;
}

// "package.modules...Type"; pylate's modules are sentence-transformers' with other defaults.
ModuleEntry module_entry(const Config& entry, const std::filesystem::path& directory) {
  const std::string type = entry.text("type");
  for (const char* package : {"sentence_transformers", "pylate"}) {
    if (type.starts_with(std::string(package) + '.')) {
      return {package, type.substr(type.rfind('.') + 1), subdirectory(entry, directory)};
    }
  }
  entry.unsupported(
      "type", fmt::format("expected a module of sentence_transformers, found {}", in_quotes(type)));
}

}  // namespace

std::vector<ModuleEntry> read_module_list(const std::filesystem::path& directory) {
  const std::filesystem::path file = directory / "modules.json";
  std::vector<ModuleEntry> modules;
  if (!is_there(file)) return modules;
  const Json list = Json::parse(read_text_file(file, kMaxBytes), file.string());
  if (!list.is_array() || list.items().empty()) {
    throw Error(Reason::kCorruptFile, fmt::format("{}: expected a list of modules, found {}",
                                                  file.string(), list.preview()));
  }
  for (const Json& item : list.items()) {
    const auto position = static_cast<std::int64_t>(modules.size());
    const Config entry(item, fmt::format("{}: module {}", file.string(), position));
    if (entry.integer_or("idx", position, 0, INT64_MAX) != position) {
      entry.invalid("idx", fmt::format("expected {} (modules are numbered in order), found {}",
                                       position, entry.find("idx")->preview()));
    }
    modules.push_back(module_entry(entry, directory));
    // MLMTransformer: what sparse encoders called it at first.
    const bool is_transformer =
        modules.back().type == "Transformer" || modules.back().type == "MLMTransformer";
    if (is_transformer != (position == 0)) {
      entry.unsupported("type", fmt::format("expected Transformer first and only there, found {}",
                                            in_quotes(entry.text("type"))));
    }
  }
  return modules;
}

}  // namespace weft
