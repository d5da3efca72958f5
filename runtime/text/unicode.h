// Character classes, case and normal forms of single code points. Hangul syllables, which decompose
// by arithmetic, are not in the tables: decompose() knows them.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "runtime/text/unicode_tables.h"

namespace weft::unicode {

enum Flag : std::uint8_t {
  kRemovedByClean = 1,  // BertNormalizer's clean_text drops it
  kWhiteSpace = 2,
  kPunctuation = 4,  // ASCII punctuation or category P
  kChinese = 8,      // BertNormalizer puts spaces around it
  kWord = 16,        // \w
  kMark = 32,        // category M
  kNonspacing = 64,  // category Mn
};

inline const Kind& kind(char32_t c) noexcept {
  return kKinds[kKindIndex[(std::size_t{kKindBlock[c >> 7]} << 7) + (c & 127)]];
}
inline bool has(char32_t c, Flag flag) noexcept { return (kind(c).flags & flag) != 0; }

inline const Mapping& mapping(char32_t c) noexcept {
  return kMappings[kMappingIndex[(std::size_t{kMappingBlock[c >> 7]} << 7) + (c & 127)]];
}
inline std::span<const char32_t> sequence(std::uint16_t offset) noexcept {
  return {kSequences + offset + 1, static_cast<std::size_t>(kSequences[offset])};
}

inline constexpr char32_t kHangulBegin = 0xAC00;
inline constexpr char32_t kHangulEnd = 0xAC00 + 11172;

/// The code points that one becomes; the memory is the table's or `storage`.
using Storage = std::array<char32_t, 3>;
std::span<const char32_t> decompose(char32_t c, std::uint16_t offset, Storage& storage) noexcept;

/// The primary composite of two code points, Hangul included; 0 if there is none.
char32_t compose(char32_t first, char32_t second) noexcept;

}  // namespace weft::unicode
