// A golden model with another config.json.
#pragma once

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "tests/paths.h"
#include "tests/temporary_directory.h"

namespace weft::test {

/// A golden model whose config.json, in lines indented by two a level, has one key replaced, added
/// or (with an empty value) taken away.
class ChangedModel {
 public:
  ChangedModel(const std::string& model, const std::string& key, const std::string& value) {
    const std::filesystem::path source = golden(model);
    for (const auto& entry : std::filesystem::directory_iterator(source)) {
      if (entry.path().filename().string().starts_with("model")) {
        std::filesystem::create_symlink(entry.path(), directory_.path() / entry.path().filename());
      }
    }
    std::ifstream stream(source / "config.json");
    std::string text = value.empty() ? "{" : fmt::format("{{\n\"{}\": {},", key, value);
    const std::string known = fmt::format("  \"{}\":", key);
    std::string line;
    std::getline(stream, line);  // {
    while (std::getline(stream, line)) {
      if (!line.starts_with(known)) {
        text += "\n" + line;
      } else if (line.ends_with("{") || line.ends_with("[")) {
        do {
          REQUIRE(std::getline(stream, line));
        } while (line.starts_with("   "));
      }
    }
    const auto comma = text.rfind(',');  // the last key may have been taken away
    if (text.find_first_not_of(" \n}", comma + 1) == std::string::npos) text.erase(comma, 1);
    directory_.write("config.json", text);
  }

  const std::filesystem::path& path() const { return directory_.path(); }

 private:
  TemporaryDirectory directory_;
};

}  // namespace weft::test
