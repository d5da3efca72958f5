// JSON of the command line's inputs and outputs. The JSON library stays in json_lines.cpp.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace weft::cli {

struct TextOrPair {
  std::string first;
  std::optional<std::string> second;
};

/// A line of a .jsonl file of texts: a string, or an object whose member "text" is one (its other
/// members mean nothing). Throws Error(kInvalidArgument) that begins with `place`.
std::string parse_text_line(std::string_view line, std::string_view place);
/// A line of `weft tokenize`: a string, or an array of two.
TextOrPair parse_text_or_pair_line(std::string_view line, std::string_view place);

/// The text as a JSON string with its quotes; what is no UTF-8 becomes U+FFFD.
std::string json_string(std::string_view text);

}  // namespace weft::cli
