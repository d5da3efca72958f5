// Tokens that are found in a text before it is split into words: tokenizer.json's "added_tokens".
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/text/characters.h"
#include "runtime/text/json_field.h"
#include "runtime/text/normalizer.h"
#include "runtime/text/string_table.h"
#include "weft/tokenizer.h"

namespace weft {

struct AddedToken {
  std::string content;
  std::int32_t id = 0;
  bool single_word = false;  // not beside a \w character
  bool lstrip = false;       // takes the white space on its left with it
  bool rstrip = false;
  bool normalized = false;  // looked for in the normalised text, itself normalised
  bool special = false;
  std::string pattern;  // what texts are searched for: the content, normalised if so
};

/// A part of a text: a token's place, or ordinary text.
struct Segment {
  static constexpr std::int32_t kText = -1;
  std::int32_t id;  // or kText
  Span range;       // may overlap the one before, when that token took white space on its right
};

/// Finds the leftmost, of these the longest, patterns that do not overlap.
class AddedTokenMatcher {
 public:
  AddedTokenMatcher() = default;
  /// No token's pattern is empty.
  explicit AddedTokenMatcher(std::vector<AddedToken> tokens);

  bool empty() const noexcept { return tokens_.empty(); }
  /// Appends the segments of valid UTF-8, none of them empty.
  void split(std::string_view text, SpecialsInText specials, std::vector<Segment>& segments) const;

 private:
  struct Edge {
    unsigned char byte;
    std::uint32_t node;
  };
  struct Node {
    std::vector<Edge> edges;
    std::int32_t token = -1;  // index of the token that ends here
  };
  struct Match {
    const AddedToken* token;
    std::size_t begin, end;
  };
  std::optional<Match> next_match(std::string_view text, std::size_t from) const;

  std::vector<AddedToken> tokens_;
  std::vector<Node> nodes_;
  std::array<bool, 256> begins_{};  // bytes that begin a pattern
};

/// All added tokens of a tokenizer.
class AddedTokens {
 public:
  AddedTokens() = default;
  /// Throws Error(kCorruptFile) for a token given twice, or with another id than the reference
  /// would give it: the vocabulary's, else the next free one.
  AddedTokens(const JsonField& field, const StringTable& vocabulary, const Normalizer* normalizer);

  const AddedTokenMatcher& raw() const noexcept { return raw_; }
  const AddedTokenMatcher& normalized() const noexcept { return normalized_; }
  const std::vector<AddedToken>& tokens() const noexcept { return tokens_; }

 private:
  void build_matchers();

  std::vector<AddedToken> tokens_;
  AddedTokenMatcher raw_, normalized_;
};

}  // namespace weft
