// Where the tests find their data. Only paths.cpp is compiled with the places' names, so that every
// other object is the same in each checkout.
#pragma once

#include <filesystem>
#include <string_view>

namespace weft::test {

/// tests/golden/<folder>.
std::filesystem::path golden(std::string_view folder);

/// The root of the source tree.
std::filesystem::path source_directory();

}  // namespace weft::test
