// modules.json: which modules a sentence-transformers directory has, and where.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace weft {

struct ModuleEntry {
  std::string package;              // the first component: "sentence_transformers" or "pylate"
  std::string type;                 // the last component: "Pooling"
  std::filesystem::path directory;  // where its files lie
};

/// The modules in order, the first of which is the Transformer. Empty if there is no modules.json.
/// Paths stay inside `directory`; types come from the packages sentence_transformers and pylate.
/// Throws Error: kUnsupported, kInvalidArgument, kCorruptFile.
std::vector<ModuleEntry> read_module_list(const std::filesystem::path& directory);

}  // namespace weft
