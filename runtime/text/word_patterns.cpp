#include "runtime/text/word_patterns.h"

#include <array>
#include <utility>

#include "runtime/text/characters.h"
#include "runtime/text/unicode_traits.h"

namespace weft {
namespace {

enum class Class : std::uint8_t { kEnd, kLetter, kNumber, kSpace, kOther };

constexpr std::array<Class, 128> make_ascii_classes() {
  std::array<Class, 128> classes{};
  for (unsigned c = 0; c < 128; ++c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool space = c == ' ' || (c >= '\t' && c <= '\r');
    classes[c] = letter                 ? Class::kLetter
                 : c >= '0' && c <= '9' ? Class::kNumber
                 : space                ? Class::kSpace
                                        : Class::kOther;
  }
  return classes;
}
constexpr std::array<Class, 128> kAsciiClasses = make_ascii_classes();

// One character of a text that ends at `end`; of kEnd the length is 0.
struct Seen {
  Class kind;
  std::int32_t length;
};

Seen see(std::string_view text, std::int32_t at, std::int32_t end) {
  if (at >= end) return {Class::kEnd, 0};
  const auto first = static_cast<unsigned char>(text[static_cast<std::size_t>(at)]);
  if (first < 128) return {kAsciiClasses[first], 1};
  const Decoded next = decode_valid(text.data() + at);
  const std::uint8_t flags = unicode::traits(next.code).flags;
  if (flags & unicode::kLetter) return {Class::kLetter, next.length};
  if (flags & unicode::kNumber) return {Class::kNumber, next.length};
  return {flags & unicode::kSpace ? Class::kSpace : Class::kOther, next.length};
}

char byte(std::string_view text, std::int32_t at) { return text[static_cast<std::size_t>(at)]; }

bool is_newline(char c) { return c == '\r' || c == '\n'; }

std::int32_t run(std::string_view text, std::int32_t at, std::int32_t end, Class kind) {
  for (Seen next = see(text, at, end); next.kind == kind; next = see(text, at, end)) {
    at += next.length;
  }
  return at;
}

enum class Case : std::uint8_t { kExact, kAny };

char lower(char c, Case rule) {
  return rule == Case::kAny && c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

// 's 't 'm 'd 're 've 'll
std::int32_t match_contraction(std::string_view text, std::int32_t at, std::int32_t end,
                               Case rule) {
  if (byte(text, at) != '\'' || at + 1 >= end) return at;
  const char first = lower(byte(text, at + 1), rule);
  if (first == 's' || first == 't' || first == 'm' || first == 'd') return at + 2;
  if (at + 2 >= end) return at;
  // U+017F, the long s, is an s in another case.
  if (rule == Case::kAny && byte(text, at + 1) == '\xC5' && byte(text, at + 2) == '\xBF') {
    return at + 3;
  }
  const char second = lower(byte(text, at + 2), rule);
  const bool pair =
      (second == 'e' && (first == 'r' || first == 'v')) || (second == 'l' && first == 'l');
  return pair ? at + 3 : at;
}

// \s+(?!\S)|\s+ where a space is at `at`: a run leaves its last space to the word that follows.
std::int32_t match_spaces(std::string_view text, std::int32_t at, std::int32_t end) {
  std::int32_t last = at, stop = at;
  for (Seen next = see(text, at, end); next.kind == Class::kSpace; next = see(text, stop, end)) {
    last = stop;
    stop += next.length;
  }
  return stop == end || last == at ? stop : last;
}

// 's|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+
std::int32_t match_clip(std::string_view text, std::int32_t at, std::int32_t end) {
  const std::int32_t contraction = match_contraction(text, at, end, Case::kExact);
  if (contraction > at) return contraction;
  const Seen first = see(text, at, end);
  if (first.kind == Class::kSpace) return at;
  return first.kind == Class::kNumber ? at + first.length : run(text, at, end, first.kind);
}

// <\|startoftext\|>|<\|endoftext\|>|, then as match_clip
std::int32_t match_clip_specials(std::string_view text, std::int32_t at, std::int32_t end) {
  const auto rest = text.substr(static_cast<std::size_t>(at), static_cast<std::size_t>(end - at));
  for (const std::string_view special : {"<|startoftext|>", "<|endoftext|>"}) {
    if (rest.starts_with(special)) return at + static_cast<std::int32_t>(special.size());
  }
  return match_clip(text, at, end);
}

// \s{2,}|[\n\r\t]
std::int32_t match_wide_space(std::string_view text, std::int32_t at, std::int32_t end) {
  const Seen first = see(text, at, end);
  if (first.kind != Class::kSpace) return at;
  const std::int32_t next = at + first.length;
  const std::int32_t stop = run(text, next, end, Class::kSpace);
  const char c = byte(text, at);
  return stop > next || is_newline(c) || c == '\t' ? stop : at;
}

// (?i:'s|...)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,max_numbers}| ?[^\s\p{L}\p{N}]+[\r\n]*|
// \s*[\r\n]+|\s+(?!\S)|\s+
template <int max_numbers>
std::int32_t match_cl100k(std::string_view text, std::int32_t at, std::int32_t end) {
  const std::int32_t contraction = match_contraction(text, at, end, Case::kAny);
  if (contraction > at) return contraction;
  const Seen first = see(text, at, end);
  if (first.kind == Class::kLetter) return run(text, at, end, Class::kLetter);
  if (first.kind == Class::kNumber) {
    Seen next = first;
    for (int i = 0; i < max_numbers && next.kind == Class::kNumber; ++i) {
      at += next.length;
      next = see(text, at, end);
    }
    return at;
  }
  const Seen second = see(text, at + first.length, end);
  if (second.kind == Class::kLetter && !is_newline(byte(text, at))) {
    return run(text, at + first.length, end, Class::kLetter);
  }
  if (first.kind == Class::kOther || (byte(text, at) == ' ' && second.kind == Class::kOther)) {
    std::int32_t stop = run(text, at + first.length, end, Class::kOther);
    while (stop < end && is_newline(byte(text, stop))) ++stop;
    return stop;
  }
  std::int32_t after_newline = at;
  std::int32_t stop = at;
  for (Seen next = first; next.kind == Class::kSpace; next = see(text, stop, end)) {
    stop += next.length;
    if (is_newline(byte(text, stop - 1))) after_newline = stop;
  }
  return after_newline > at ? after_newline : match_spaces(text, at, end);
}

using Known = std::pair<std::string_view, MatchAt>;
constexpr std::array kKnown = {
    Known{R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)",
          match_gpt2},
    Known{R"('(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)", match_gpt2},
    Known{R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|)"
          R"( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
          match_cl100k<3>},
    Known{R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|)"
          R"( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
          match_cl100k<1>},
    Known{R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}|)"
          R"( ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+)",
          match_cl100k<3>},
    Known{R"('s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+)", match_clip},
    Known{R"(<\|startoftext\|>|<\|endoftext\|>|)"
          R"('s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+)",
          match_clip_specials},
    Known{R"(\s{2,}|[\n\r\t])", match_wide_space},
};

}  // namespace

bool begins_with_space(MatchAt match) { return match == match_wide_space; }

std::int32_t match_gpt2(std::string_view text, std::int32_t at, std::int32_t end) {
  const std::int32_t contraction = match_contraction(text, at, end, Case::kExact);
  if (contraction > at) return contraction;
  const std::int32_t begin = byte(text, at) == ' ' ? at + 1 : at;
  const Seen first = see(text, begin, end);
  if (first.kind == Class::kEnd || first.kind == Class::kSpace) return match_spaces(text, at, end);
  return run(text, begin + first.length, end, first.kind);
}

MatchAt find_word_pattern(std::string_view expression) {
  for (const auto& [known, match] : kKnown) {
    if (known == expression) return match;
  }
  return nullptr;
}

}  // namespace weft
