#include "tests/paths.h"

namespace weft::test {

std::filesystem::path golden(std::string_view folder) {
  return source_directory() / "tests" / "golden" / folder;
}

std::filesystem::path source_directory() { return WEFT_SOURCE_DIR; }

}  // namespace weft::test
