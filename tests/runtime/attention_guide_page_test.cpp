// docs/attention.md shows what attention_guide_test.cpp runs.
#include <doctest/doctest.h>

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "tests/paths.h"

namespace weft::test {
namespace {

std::string read_file(const std::filesystem::path& file) {
  std::ifstream stream(file);
  REQUIRE(stream);
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// The lines between "// [name]" and "// [end]", moved to the left as a whole.
std::vector<std::string> shown_code(const std::string& source) {
  std::vector<std::string> snippets;
  bool inside = false;
  std::size_t indent = 0, begin = 0;
  while (begin < source.size()) {
    const std::size_t end = source.find('\n', begin);
    const std::string line = source.substr(begin, end - begin);
    begin = end + 1;
    const std::size_t text = line.find_first_not_of(' ');
    const bool is_mark = text != std::string::npos && line.compare(text, 4, "// [") == 0;
    if (is_mark) {
      inside = line.find("[end]") == std::string::npos;
      indent = text;
      if (inside) snippets.emplace_back();
    } else if (inside) {
      snippets.back() += (line.size() > indent ? line.substr(indent) : std::string()) + "\n";
    }
  }
  return snippets;
}

}  // namespace

TEST_CASE("docs/attention.md shows exactly the code that is run by the tests") {
  const std::filesystem::path root = source_directory();
  const std::vector<std::string> snippets =
      shown_code(read_file(root / "tests/runtime/attention_guide_test.cpp"));
  const std::string page = read_file(root / "docs/attention.md");
  std::size_t blocks = 0;
  for (std::size_t at = page.find("```cpp\n"); at != std::string::npos;
       at = page.find("```cpp\n", at + 1)) {
    ++blocks;
  }
  CHECK(snippets.size() >= 12);
  CHECK(blocks == snippets.size());
  for (const std::string& snippet : snippets) {
    CAPTURE(snippet);
    CHECK(page.find("```cpp\n" + snippet + "```\n") != std::string::npos);
  }
}

}  // namespace weft::test
