#include "runtime/text/graphemes.h"

#include "runtime/text/unicode_traits.h"

namespace weft {
namespace {

using unicode::Cluster;

Cluster cluster_of(const Character& character) {
  return static_cast<Cluster>(unicode::traits(character.code).cluster);
}

bool is_control(Cluster c) {
  return c == Cluster::kControl || c == Cluster::kCarriageReturn || c == Cluster::kLineFeed;
}

bool is_extend(Cluster c) {
  return c == Cluster::kExtend || c == Cluster::kLinker || c == Cluster::kTransparent;
}

bool joins_hangul(Cluster last, Cluster next) {
  switch (last) {
    case Cluster::kHangulL:
      return next == Cluster::kHangulL || next == Cluster::kHangulV || next == Cluster::kHangulLV ||
             next == Cluster::kHangulLVT;
    case Cluster::kHangulV:
    case Cluster::kHangulLV: return next == Cluster::kHangulV || next == Cluster::kHangulT;
    case Cluster::kHangulT:
    case Cluster::kHangulLVT: return next == Cluster::kHangulT;
    default: return false;
  }
}

// What of the cluster so far matters beyond its last character.
class History {
 public:
  void add(Cluster c) {
    switch (c) {
      case Cluster::kConsonant: joint_ = Joint::kConsonant; break;
      case Cluster::kLinker:
        if (joint_ == Joint::kConsonant) joint_ = Joint::kLinked;
        break;
      case Cluster::kTransparent:
      case Cluster::kZeroWidthJoiner: break;
      default: joint_ = Joint::kNone; break;
    }
    if (c == Cluster::kPicture) {
      picture_ = Picture::kSeen;
    } else if (c == Cluster::kZeroWidthJoiner && picture_ == Picture::kSeen) {
      picture_ = Picture::kJoined;
    } else if (!(is_extend(c) && picture_ == Picture::kSeen)) {
      picture_ = Picture::kNone;
    }
  }
  bool links_consonant() const { return joint_ == Joint::kLinked; }
  bool joins_picture() const { return picture_ == Picture::kJoined; }

 private:
  enum class Joint { kNone, kConsonant, kLinked } joint_ = Joint::kNone;
  enum class Picture { kNone, kSeen, kJoined } picture_ = Picture::kNone;
};

bool stays_together(Cluster last, Cluster next, const History& history) {
  if (last == Cluster::kCarriageReturn && next == Cluster::kLineFeed) return true;
  if (is_control(last) || is_control(next)) return false;
  if (is_extend(next) || next == Cluster::kZeroWidthJoiner || next == Cluster::kSpacingMark) {
    return true;
  }
  if (last == Cluster::kPrepend || joins_hangul(last, next)) return true;
  if (next == Cluster::kConsonant && history.links_consonant()) return true;
  return next == Cluster::kPicture && history.joins_picture();
}

}  // namespace

std::size_t cluster_end(std::span<const Character> text, std::size_t begin) noexcept {
  Cluster last = cluster_of(text[begin]);
  History history;
  history.add(last);
  std::size_t end = begin + 1;
  for (; end < text.size(); ++end) {
    const Cluster next = cluster_of(text[end]);
    if (!stays_together(last, next, history)) break;
    history.add(next);
    last = next;
  }
  return end;
}

}  // namespace weft
