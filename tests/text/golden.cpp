#include "tests/text/golden.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <fstream>

#include "runtime/files.h"
#include "tests/paths.h"

namespace weft::test {

std::filesystem::path tokenizer_goldens() { return golden("tokenizer"); }

Json golden_json(const std::string& name) {
  const auto file = tokenizer_goldens() / name;
  return Json::parse(read_text_file(file, 16u << 20), file.string());
}

std::vector<std::string> golden_lines(const std::filesystem::path& file) {
  std::ifstream stream(file);
  REQUIRE(stream.good());
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

std::string digest(std::string_view bytes) {
  std::uint64_t value = 0xCBF29CE484222325;
  for (const char byte : bytes) {
    value = (value ^ static_cast<unsigned char>(byte)) * 0x100000001B3;
  }
  return fmt::format("{:016x}", value);
}

std::string line_of(const Encoding& encoding) {
  std::string line;
  const auto next = [&line](bool first) {
    if (!first) line += ' ';
  };
  for (std::size_t i = 0; i < encoding.ids.size(); ++i) {
    next(i == 0);
    line += std::to_string(encoding.ids[i]);
  }
  line += '|';
  for (std::size_t i = 0; i < encoding.type_ids.size(); ++i) {
    next(i == 0);
    line += std::to_string(encoding.type_ids[i]);
  }
  for (const auto* offsets : {&encoding.offsets, &encoding.byte_offsets}) {
    line += '|';
    for (std::size_t i = 0; i < offsets->size(); ++i) {
      next(i == 0);
      line += fmt::format("{},{}", (*offsets)[i].first, (*offsets)[i].second);
    }
  }
  return line;
}

}  // namespace weft::test
