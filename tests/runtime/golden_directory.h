#pragma once

#include <filesystem>
#include <string_view>

namespace weft::test {

/// tests/golden/<folder>.
inline std::filesystem::path golden(std::string_view folder) {
  return std::filesystem::path(WEFT_TEST_DATA) / "golden" / folder;
}

}  // namespace weft::test
