// The committed answers of the reference (scripts/make_tokenizer_goldens.py).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/json.h"
#include "weft/tokenizer.h"

namespace weft::test {

std::filesystem::path tokenizer_goldens();
Json golden_json(const std::string& name);
std::vector<std::string> golden_lines(const std::filesystem::path& file);

/// FNV-1a, 64 bits, as 16 hexadecimal digits.
std::string digest(std::string_view bytes);

/// ids|type ids|offsets in characters|offsets in bytes
std::string line_of(const Encoding& encoding);

}  // namespace weft::test
