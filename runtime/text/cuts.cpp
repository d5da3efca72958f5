#include "runtime/text/cuts.h"

namespace weft {
namespace {

constexpr std::string_view kSpace = "\xE2\x96\x81";  // U+2581

std::size_t length_of(unsigned char first) {
  return first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
}

}  // namespace

void Cuts::add_merge(std::string_view left, std::string_view right) {
  const auto last = static_cast<unsigned char>(left.back());
  const auto first = static_cast<unsigned char>(right.front());
  const bool space = right.starts_with(kSpace);
  if (!space && first >= 0x80) return;
  joined_[left.ends_with(kSpace) ? kSpaceLeft : last].set(space ? kSpaceRight : first);
}

void Cuts::forbid_before(unsigned char ascii) {
  for (auto& right : joined_) right.set(ascii);
}

void Cuts::forbid_before_space() {
  for (auto& right : joined_) right.set(kSpaceRight);
}

std::size_t Cuts::first_part(std::string_view word) const noexcept {
  if (forbidden_ || word.empty()) return word.size();
  unsigned char left = 0;
  for (std::size_t at = 0; at < word.size();) {
    const auto first = static_cast<unsigned char>(word[at]);
    if (first < 0x80) {
      if (at > 0 && !joined_[left][first]) return at;
      left = first;
      ++at;
      continue;
    }
    if (first == 0xE2 && word.substr(at, kSpace.size()) == kSpace) {
      if (at > 0 && !joined_[left][kSpaceRight]) return at;
      left = kSpaceLeft;
      at += kSpace.size();
      continue;
    }
    at += length_of(first);
    left = static_cast<unsigned char>(word[at - 1]);
  }
  return word.size();
}

}  // namespace weft
