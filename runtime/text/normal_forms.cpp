#include "runtime/text/normal_forms.h"

#include <algorithm>

#include "runtime/text/unicode.h"

namespace weft {
namespace {

int class_of(char32_t code) { return unicode::kind(code).combining_class; }

// Canonical ordering moves marks together with their `change`; the reference's sources depend on
// it.
std::vector<Rewritten> decomposed(const Characters& text, Decomposition kind) {
  std::vector<Rewritten> result;
  result.reserve(text.size());
  std::size_t run = 0;  // begin of the marks that are not yet in order
  const auto sort_run = [&] {
    if (result.size() - run < 2) return;
    const auto begin = result.begin() + static_cast<std::ptrdiff_t>(run);
    const auto lower = [](const Rewritten& a, const Rewritten& b) {
      return class_of(a.code) < class_of(b.code);
    };
    if (!std::is_sorted(begin, result.end(), lower)) std::stable_sort(begin, result.end(), lower);
  };
  for (const Character& character : text) {
    const unicode::Mapping& mapping = unicode::mapping(character.code);
    unicode::Storage storage;
    std::int32_t change = 0;
    for (const char32_t code : unicode::decompose(
             character.code, kind == Decomposition::kCanonical ? mapping.nfd : mapping.nfkd,
             storage)) {
      const bool starter = class_of(code) == 0;
      if (starter) sort_run();
      result.push_back({code, change});
      if (starter) run = result.size();
      change = 1;
    }
  }
  sort_run();
  return result;
}

}  // namespace

void decompose(Characters& text, Decomposition kind) {
  const std::vector<Rewritten> result = decomposed(text, kind);
  rewrite(text, result);
}

void compose(Characters& text, Decomposition kind) {
  std::vector<Rewritten> result = decomposed(text, kind);
  constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  std::size_t starter = kNone;  // in result[0, out): what later marks may join
  std::size_t out = 0;
  int last_class = -1;  // of the last mark kept after the starter; -1: none
  for (const Rewritten one : result) {
    const int combining = class_of(one.code);
    if (starter != kNone && last_class < combining) {
      if (const char32_t composed = unicode::compose(result[starter].code, one.code)) {
        result[starter].code = composed;
        result[starter].change += one.change - 1;
        continue;
      }
    }
    if (combining == 0) {
      starter = out;
      last_class = -1;
    } else {
      last_class = combining;
    }
    result[out++] = one;
  }
  result.resize(out);
  rewrite(text, result);
}

}  // namespace weft
