#include "runtime/text/unicode.h"

#include <algorithm>
#include <tuple>

namespace weft::unicode {
namespace {

// The Unicode standard, section 3.12.
constexpr char32_t kLeading = 0x1100, kVowel = 0x1161, kTrailing = 0x11A7;
constexpr char32_t kLeadings = 19, kVowels = 21, kTrailings = 28;

}  // namespace

std::span<const char32_t> decompose(char32_t c, std::uint16_t offset, Storage& storage) noexcept {
  if (offset != 0) return sequence(offset);
  if (c >= kHangulBegin && c < kHangulEnd) {
    const char32_t index = c - kHangulBegin;
    storage = {kLeading + index / (kVowels * kTrailings),
               kVowel + index % (kVowels * kTrailings) / kTrailings,
               kTrailing + index % kTrailings};
    return {storage.data(), index % kTrailings == 0 ? std::size_t{2} : std::size_t{3}};
  }
  storage[0] = c;
  return {storage.data(), 1};
}

char32_t compose(char32_t first, char32_t second) noexcept {
  if (first >= kLeading && first < kLeading + kLeadings) {
    if (second < kVowel || second >= kVowel + kVowels) return 0;
    return kHangulBegin + ((first - kLeading) * kVowels + (second - kVowel)) * kTrailings;
  }
  if (first >= kHangulBegin && first < kHangulEnd && (first - kHangulBegin) % kTrailings == 0) {
    if (second <= kTrailing || second >= kTrailing + kTrailings) return 0;
    return first + (second - kTrailing);
  }
  const auto* end = kCompositions + kCompositionCount;
  const auto* found = std::lower_bound(
      kCompositions, end, std::pair(first, second),
      [](const Composition& a, const auto& key) { return std::pair(a.first, a.second) < key; });
  const bool same = found != end && found->first == first && found->second == second;
  return same ? found->composed : 0;
}

}  // namespace weft::unicode
