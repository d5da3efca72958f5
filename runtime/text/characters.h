// A text as code points that remember where in the original they came from: what normalizers work
// on. Fast paths (bert_words.h) never build one.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weft {

/// Half-open range of bytes.
struct Span {
  std::int32_t begin, end;
  friend bool operator==(const Span&, const Span&) = default;
};

struct Character {
  char32_t code;
  Span source;  // bytes of the original text
};

using Characters = std::vector<Character>;

/// The character at the begin of valid, not empty UTF-8.
struct Decoded {
  char32_t code;
  std::int32_t length;
};
inline Decoded decode_valid(const char* at) noexcept {
  const auto byte = [at](int i) { return static_cast<unsigned char>(at[i]); };
  const char32_t first = byte(0);
  if (first < 0x80) return {first, 1};
  if (first < 0xE0) return {(first & 0x1F) << 6 | (byte(1) & 0x3Fu), 2};
  if (first < 0xF0) return {(first & 0x0F) << 12 | (byte(1) & 0x3Fu) << 6 | (byte(2) & 0x3Fu), 3};
  return {
      (first & 0x07) << 18 | (byte(1) & 0x3Fu) << 12 | (byte(2) & 0x3Fu) << 6 | (byte(3) & 0x3Fu),
      4};
}

/// Appends the characters of valid UTF-8 that lies at byte `base` of the original.
void append_characters(std::string_view text, std::int32_t base, Characters& out);

/// UTF-8 again, and where each of its bytes came from: in runs, of which an ordinary text has one.
class AlignedText {
 public:
  std::string text;

  AlignedText() = default;
  /// Valid UTF-8 that lies at byte `base` of the original, as it is.
  AlignedText(std::string_view part, std::int32_t base);

  void append(char32_t code, Span from);
  /// The same, one character in UTF-8.
  void append(std::string_view character, Span from);
  /// Bytes [range) of another text, whole characters, as they are.
  void append(const AlignedText& other, Span range);
  /// Writes one character in place of each of an ASCII character; it has the source of that.
  void replace_each(char ascii, std::string_view character);
  /// Puts characters before a text that is not empty; they stand for its first.
  void prepend(std::string_view characters);
  /// Throws Error(kResourceExhausted) beyond 2^31 - 1 bytes.
  std::int32_t size() const;
  /// Where the bytes [range), not empty, came from: of characters that it cuts, all. Takes constant
  /// time when ranges are asked for in order. Not for several threads.
  Span source(Span range) const;
  Span source(std::int32_t byte) const { return source({byte, byte + 1}); }

 private:
  static constexpr std::int32_t kVerbatim = -1;
  struct Run {
    std::int32_t begin;          // in text; up to the next run's
    std::int32_t source;         // of its first byte
    std::int32_t source_length;  // all bytes came from it; or kVerbatim: each from its own place
  };
  void add_run(Run run);
  std::size_t run_of(std::int32_t byte) const;
  std::size_t search_run(std::int32_t byte) const;

  std::vector<Run> runs_;
  mutable std::size_t last_run_ = 0;  // that run_of() found
};
AlignedText to_aligned_text(std::span<const Character> characters);
/// Appends the characters of a text.
void append_characters(const AlignedText& text, Characters& out);

/// Replaces parts of a text from left to right. Until finish() the text keeps its length; bytes
/// after the last replaced part may be overwritten.
class Rewriting {
 public:
  explicit Rewriting(AlignedText& text) : text_(text) {}
  /// Valid UTF-8 in place of the bytes [range), whole characters, that came from `source`.
  void replace(Span range, std::string_view characters, Span source);
  void finish();

 private:
  AlignedText& text_;
  AlignedText result_;
  std::int32_t done_ = 0;  // what lies before is in the result
  bool changed_ = false;
};

/// One result of a rewriting step. `change` as in the reference: > 0 a character put in after the
/// one before, 0 takes the place of the next old character, -n takes its place and that of n more.
struct Rewritten {
  char32_t code;
  std::int32_t change;
};
/// Replaces `text` by `result`; sources follow from the changes.
void rewrite(Characters& text, std::span<const Rewritten> result);

}  // namespace weft
