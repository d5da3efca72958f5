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

/// UTF-8 again, with the source of each of its bytes.
struct AlignedText {
  std::string text;
  std::vector<Span> sources;  // one per byte of text

  void append(char32_t code, Span from);
  /// Bytes [range) of another text, as they are.
  void append(const AlignedText& other, Span range);
  /// Throws Error(kResourceExhausted) beyond 2^31 - 1 bytes.
  std::int32_t size() const;
  /// Where the bytes [begin, end), not empty, came from.
  Span source(Span range) const {
    return {sources[static_cast<std::size_t>(range.begin)].begin,
            sources[static_cast<std::size_t>(range.end) - 1].end};
  }
};
AlignedText to_aligned_text(std::span<const Character> characters);
/// Valid UTF-8 that lies at byte `base` of the original, as it is.
AlignedText to_aligned_text(std::string_view text, std::int32_t base);

/// One result of a rewriting step. `change` as in the reference: > 0 a character put in after the
/// one before, 0 takes the place of the next old character, -n takes its place and that of n more.
struct Rewritten {
  char32_t code;
  std::int32_t change;
};
/// Replaces `text` by `result`; sources follow from the changes.
void rewrite(Characters& text, std::span<const Rewritten> result);

}  // namespace weft
