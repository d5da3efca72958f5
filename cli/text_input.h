// The texts of `weft embed`, one at a time, from wherever they come.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/line_reader.h"

namespace weft::cli {

enum class TextFormat : std::uint8_t { kLines, kJsonLines };

class TextInput {
 public:
  explicit TextInput(std::vector<std::string> texts) : texts_(std::move(texts)) {}
  /// Opens the file ("-": stdin). Throws Error.
  TextInput(const std::string& file, TextFormat format) : reader_(file), format_(format) {}

  /// False at the end. Throws Error naming the line.
  bool next(std::string& text);
  /// How much has been read, 0 to 1; nothing if that cannot be known.
  std::optional<double> share_read() const;

 private:
  std::vector<std::string> texts_;
  std::size_t next_ = 0;
  std::optional<LineReader> reader_;
  TextFormat format_ = TextFormat::kLines;
  std::string line_;
};

}  // namespace weft::cli
