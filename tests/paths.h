// Where the tests find their data. Only paths.cpp is compiled with the places' names, so that every
// other object is the same in each checkout.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace weft::test {

/// tests/golden/<folder>.
std::filesystem::path golden(std::string_view folder);

/// "architecture/case" of every folder that holds a tiny model and inputs of one of these forms for
/// it, sorted: `ragged` for models of token ids, `images`, `vectors`.
std::vector<std::string> golden_cases(const std::vector<std::string>& forms = {"ragged", "images",
                                                                               "vectors"});

/// The root of the source tree.
std::filesystem::path source_directory();

}  // namespace weft::test
