#include "tests/paths.h"

#include <algorithm>

namespace weft::test {

std::filesystem::path golden(std::string_view folder) {
  return source_directory() / "tests" / "golden" / folder;
}

std::vector<std::string> golden_cases(const std::vector<std::string>& forms) {
  std::vector<std::string> names;
  for (const auto& architecture : std::filesystem::directory_iterator(golden(""))) {
    if (!architecture.is_directory()) continue;
    for (const auto& entry : std::filesystem::directory_iterator(architecture)) {
      const auto given = [&](const std::string& form) {
        return exists(entry.path() / (form + ".input.safetensors"));
      };
      if (std::none_of(forms.begin(), forms.end(), given)) continue;
      names.push_back((architecture.path().filename() / entry.path().filename()).string());
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::filesystem::path source_directory() { return WEFT_SOURCE_DIR; }

}  // namespace weft::test
