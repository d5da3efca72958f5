// The way through UTF-8 that a replacement of one character takes against the plain one.
#include "runtime/text/replace.h"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

namespace weft::test {
namespace {

struct Placed {
  std::string text;
  std::vector<Span> sources;  // of each byte
  friend bool operator==(const Placed&, const Placed&) = default;
};

Placed placed(const AlignedText& text) {
  Placed result{text.text, {}};
  for (std::int32_t i = 0; i < text.size(); ++i) result.sources.push_back(text.source(i));
  return result;
}

class Spaces final : public Pattern {
 public:
  Span find(std::string_view text, Span range) const override {
    for (std::int32_t at = range.begin; at < range.end; ++at) {
      if (text[static_cast<std::size_t>(at)] == ' ') return {at, at + 1};
    }
    return {range.end, range.end};
  }
  std::optional<char> only_match() const override { return ' '; }
};

}  // namespace

TEST_CASE("one character in place of another keeps the places of all") {
  std::mt19937 random(8);
  const std::vector<std::string> characters{"a", "b", "\xC3\xA9", "\xE2\x82\xAC", " "};
  for (const std::string content : {"\xE2\x96\x81", "_", "\xC3\xA9", " "}) {
    const Replace replace(std::make_unique<Spaces>(), content);
    for (int round = 0; round < 500; ++round) {
      Characters plain;
      std::int32_t source = static_cast<std::int32_t>(random() % 5);
      const auto rare = 1 + random() % 40;
      for (std::size_t left = 1 + random() % 90; left > 0; --left) {
        const auto& one = characters[random() % rare == 0 ? 4 : random() % 4];
        const Decoded decoded = decode_valid(one.data());
        // Some characters stand for other bytes than their own, some for none.
        const auto length =
            random() % 8 == 0 ? static_cast<std::int32_t>(random() % 4) : decoded.length;
        plain.push_back({decoded.code, {source, source + length}});
        source += length;
      }
      AlignedText fast = to_aligned_text(plain);
      replace.normalize(plain);
      replace.apply(fast);
      REQUIRE(placed(fast) == placed(to_aligned_text(plain)));
    }
  }
}

}  // namespace weft::test
