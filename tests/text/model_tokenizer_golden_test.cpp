// Tokenizers in the shapes of well-known models against the committed answers of the reference
// (scripts/make_model_tokenizer_goldens.py).
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <map>

#include "runtime/files.h"
#include "tests/text/golden.h"

namespace weft::test {
namespace {

// The last eight digits.
std::string short_digest(const std::string& line) { return digest(line).substr(8); }

std::string window_line(const std::vector<Encoding>& windows) {
  std::string line;
  for (const Encoding& window : windows) {
    if (!line.empty()) line += '|';
    for (std::size_t i = 0; i < window.ids.size(); ++i) {
      line += fmt::format("{}{}", i > 0 ? " " : "", window.ids[i]);
    }
    line += ':';
    for (std::size_t i = 0; i < window.offsets.size(); ++i) {
      line += fmt::format("{}{},{}", i > 0 ? " " : "", window.offsets[i].first,
                          window.offsets[i].second);
    }
  }
  return line;
}

// One case: its tokenizer, and the lines of expected.txt by name.
struct Case {
  explicit Case(const std::filesystem::path& directory)
      : name(directory.filename().string()), tokenizer(Tokenizer::load(directory)) {
    for (const std::string& line : golden_lines(directory / "expected.txt")) {
      const auto space = line.find(' ');
      const std::string key = line.substr(0, space);
      if (lines.size() < 5) {
        lines[key] = line.substr(space + 1);
      } else {
        full.push_back(line);
      }
    }
  }
  std::string name;
  Tokenizer tokenizer;
  std::map<std::string, std::string> lines;
  std::vector<std::string> full;
};

std::vector<Case> cases() {
  std::vector<Case> result;
  for (const auto& entry : std::filesystem::directory_iterator(tokenizer_goldens() / "models")) {
    if (entry.is_directory()) result.emplace_back(entry.path());
  }
  return result;
}

std::vector<std::string> texts() {
  std::vector<std::string> result;
  const Json json = golden_json("models/texts.json");
  for (const Json& text : json.items()) result.push_back(text.as_string());
  return result;
}

std::vector<std::pair<std::string, std::string>> pairs() {
  std::vector<std::pair<std::string, std::string>> result;
  const Json json = golden_json("models/pairs.json");
  for (const Json& pair : json.items()) {
    result.emplace_back(pair.items()[0].as_string(), pair.items()[1].as_string());
  }
  return result;
}

// Takes the answers one by one.
class Checker {
 public:
  Checker(const Case& one, const char* kind) : expected_(one.lines.at(kind)) {}
  void check(const std::string& line) {
    const std::string found = short_digest(line);
    REQUIRE(at_ + 8 <= expected_.size());
    const std::string wanted = expected_.substr(at_, 8);
    at_ += 8;
    if (found == wanted || ++wrong_ > 3) return;
    CAPTURE(line);
    CHECK(found == wanted);
  }
  void finish() const {
    CHECK(at_ == expected_.size());
    CHECK(wrong_ == 0);
  }

 private:
  const std::string& expected_;
  std::size_t at_ = 0;
  int wrong_ = 0;
};

}  // namespace

TEST_CASE("tokenizers of well-known models give the reference's ids, type ids and offsets") {
  const auto all = texts();
  const auto both = pairs();
  REQUIRE(all.size() >= 2000);
  const auto tokenizers = cases();
  CHECK(tokenizers.size() == 22);
  for (const Case& one : tokenizers) {
    CAPTURE(one.name);
    Checker checker(one, "texts");
    for (const std::string& text : all) {
      CAPTURE(text);
      checker.check(line_of(one.tokenizer.encode(text)));
    }
    checker.finish();
    Checker pair_checker(one, "pairs");
    for (const auto& [first, second] : both) {
      pair_checker.check(line_of(one.tokenizer.encode_pair(first, second)));
    }
    pair_checker.finish();
    const std::size_t whole = one.full.size() / 2;
    for (std::size_t i = 0; i < whole; ++i) {
      CHECK(line_of(one.tokenizer.encode(all[all.size() - whole + i])) == one.full[2 * i]);
    }
  }
}

TEST_CASE("texts are cut from both sides as the reference cuts them") {
  const auto all = texts();
  const auto both = pairs();
  for (const Case& one : cases()) {
    CAPTURE(one.name);
    TokenizeOptions options;
    options.max_length = 9;
    Checker checker(one, "cut");
    for (const TruncationSide side : {TruncationSide::kRight, TruncationSide::kLeft}) {
      options.truncation_side = side;
      for (std::size_t i = 0; i < 150; ++i) {
        checker.check(line_of(one.tokenizer.encode(all[i], options)));
      }
      for (const auto& [first, second] : both) {
        checker.check(line_of(one.tokenizer.encode_pair(first, second, options)));
      }
    }
    checker.finish();
  }
}

TEST_CASE("what is cut off comes in the reference's windows") {
  const auto all = texts();
  for (const Case& one : cases()) {
    CAPTURE(one.name);
    TokenizeOptions options;
    options.max_length = 7;
    options.stride = 2;
    Checker checker(one, "windows");
    for (const TruncationSide side : {TruncationSide::kRight, TruncationSide::kLeft}) {
      options.truncation_side = side;
      for (std::size_t i = 0; i < 150; ++i) {
        checker.check(window_line(one.tokenizer.encode_windows(all[i], options)));
      }
    }
    checker.finish();
  }
}

TEST_CASE("ids become the reference's texts") {
  const auto all = texts();
  for (const Case& one : cases()) {
    CAPTURE(one.name);
    Checker checker(one, "decoded");
    for (const auto specials : {SpecialsInDecoded::kSkip, SpecialsInDecoded::kKeep}) {
      for (std::size_t i = 0; i < 600; ++i) {
        const auto ids = one.tokenizer.encode(all[i]).ids;
        if (!ids.empty()) checker.check(one.tokenizer.decode(ids, specials));
      }
    }
    checker.finish();
    const std::size_t whole = one.full.size() / 2;
    for (std::size_t i = 0; i < whole; ++i) {
      const std::string expected = Json::parse(one.full[2 * i + 1], "expected.txt").as_string();
      CHECK(one.tokenizer.decode(one.tokenizer.encode(all[all.size() - whole + i]).ids) ==
            expected);
    }
  }
}

}  // namespace weft::test
