#include "runtime/text/pattern.h"

#include <fmt/format.h>

#include <array>
#include <limits>
#include <string>

#include "runtime/text/unicode_traits.h"
#include "runtime/text/word_patterns.h"
#include "runtime/utf8.h"

namespace weft {
namespace {

class StringPattern final : public Pattern {
 public:
  explicit StringPattern(std::string wanted) : wanted_(std::move(wanted)) {}
  Span find(std::string_view text, Span range) const override {
    const auto found = text.substr(0, static_cast<std::size_t>(range.end))
                           .find(wanted_, static_cast<std::size_t>(range.begin));
    if (found == std::string_view::npos) return {range.end, range.end};
    const auto begin = static_cast<std::int32_t>(found);
    return {begin, begin + static_cast<std::int32_t>(wanted_.size())};
  }
  std::optional<char> only_match() const override {
    return wanted_.size() == 1 ? std::optional(wanted_[0]) : std::nullopt;
  }

 private:
  std::string wanted_;
};

// An alternation that is tried at every character.
class WordPattern final : public Pattern {
 public:
  explicit WordPattern(MatchAt match) : match_(match), at_spaces_(begins_with_space(match)) {}
  Span find(std::string_view text, Span range) const override {
    for (std::int32_t at = range.begin; at < range.end;) {
      if (at_spaces_ && is_visible_ascii(text[static_cast<std::size_t>(at)])) {
        ++at;
        continue;
      }
      const std::int32_t end = match_(text, at, range.end);
      if (end > at) return {at, end};
      at += decode_valid(text.data() + at).length;
    }
    return {range.end, range.end};
  }

 private:
  static bool is_visible_ascii(char c) { return c > ' ' && c < '\x7F'; }
  MatchAt match_;
  bool at_spaces_;
};

// A class of characters, repeated: C, C+, C{min,max}.
struct Run {
  std::string_view expression;
  std::uint8_t flags;      // of unicode_traits.h; any of them
  std::string_view ascii;  // or one of these
  std::int64_t min, max;
};
constexpr std::int64_t kAny = std::numeric_limits<std::int64_t>::max();
constexpr std::array kRuns = {
    Run{R"(\s)", unicode::kSpace, "", 1, 1},
    Run{R"(\s+)", unicode::kSpace, "", 1, kAny},
    Run{R"(\d)", unicode::kDigit, "", 1, 1},
    Run{R"(\d+)", unicode::kDigit, "", 1, kAny},
    Run{R"(\p{N})", unicode::kNumber, "", 1, 1},
    Run{R"(\p{N}+)", unicode::kNumber, "", 1, kAny},
    Run{R"(\p{N}{1,3})", unicode::kNumber, "", 1, 3},
    Run{R"(\p{L}+)", unicode::kLetter, "", 1, kAny},
    Run{"[0-9]", 0, "0123456789", 1, 1},
    Run{"[0-9]+", 0, "0123456789", 1, kAny},
    Run{" ", 0, " ", 1, 1},
    Run{" +", 0, " ", 1, kAny},
    Run{" {2,}", 0, " ", 2, kAny},
    Run{"\n", 0, "\n", 1, 1},
    Run{R"(\n)", 0, "\n", 1, 1},
    Run{R"([\n\r\t])", 0, "\n\r\t", 1, 1},
    Run{R"([\r\n])", 0, "\r\n", 1, 1},
    Run{R"([\r\n]+)", 0, "\r\n", 1, kAny},
};

class RunPattern final : public Pattern {
 public:
  explicit RunPattern(const Run& run) : run_(run) {
    for (char32_t c = 0; c < ascii_.size(); ++c) ascii_[c] = is_in(c);
  }
  Span find(std::string_view text, Span range) const override {
    std::int32_t at = range.begin;
    at = skip(text, at, range.end);
    std::int32_t begin = at;
    std::int64_t count = 0;
    while (at < range.end) {
      const Decoded next = decode_valid(text.data() + at);
      if (has(next.code)) {
        at += next.length;
        if (++count == run_.max) return {begin, at};
        continue;
      }
      if (count >= run_.min) return {begin, at};
      at = skip(text, at + next.length, range.end);
      begin = at;
      count = 0;
    }
    if (count >= run_.min) return {begin, at};
    return {range.end, range.end};
  }

 private:
  bool has(char32_t code) const { return code < ascii_.size() ? ascii_[code] : is_in(code); }
  // Passes ASCII that begins no match, which most of a text is.
  std::int32_t skip(std::string_view text, std::int32_t at, std::int32_t end) const {
    const auto other = [&](std::int32_t i) {
      return is_other_ascii(text[static_cast<std::size_t>(i)]);
    };
    while (at < end && (other(at) || (run_.min > 1 && at + 1 < end && other(at + 1)))) ++at;
    return at;
  }
  bool is_other_ascii(char c) const {
    const auto byte = static_cast<unsigned char>(c);
    return byte < ascii_.size() && !ascii_[byte];
  }
  bool is_in(char32_t code) const {
    if (unicode::traits(code).flags & run_.flags) return true;
    return code < 128 && run_.ascii.find(static_cast<char>(code)) != std::string_view::npos;
  }
  Run run_;
  std::array<bool, 128> ascii_;
};

std::unique_ptr<Pattern> read_expression(const JsonField& field) {
  const std::string& expression = field.as_text();
  if (const MatchAt match = find_word_pattern(expression)) {
    return std::make_unique<WordPattern>(match);
  }
  for (const Run& run : kRuns) {
    if (run.expression == expression) return std::make_unique<RunPattern>(run);
  }
  field.unsupported(
      fmt::format("the regular expression {} is not supported", in_quotes(expression, 300)));
}

}  // namespace

Pattern::~Pattern() = default;

std::unique_ptr<Pattern> read_pattern(const JsonField& field) {
  if (const auto expression = field.find("Regex")) return read_expression(*expression);
  const JsonField wanted = field.member("String");
  if (wanted.as_text().empty()) wanted.unsupported("an empty pattern is not supported");
  return std::make_unique<StringPattern>(wanted.as_text());
}

}  // namespace weft
