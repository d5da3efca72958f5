// What the golden tests share: levels to test, reading golden files, and comparison of named
// arrays.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "tests/paths.h"
#include "weft/safetensors.h"
#include "weft/types.h"

namespace weft::test {

/// The strings of a .jsonl file, one a line.
std::vector<std::string> read_texts(const std::filesystem::path& file);

/// Empty if `found` has exactly the expected tensor's shape, is F32, and no element is further off
/// than `relative` times the largest magnitude of the expected tensor (NaN is always off); else one
/// line with the worst element.
std::string difference(const Array& expected, const Array& found, double relative);

/// Cosine of two vectors, in double.
double cosine(const float* a, const float* b, std::int64_t n);

}  // namespace weft::test
