// Byte-pair encoding without merging a word's characters: tokens are those of the word if and only
// if each by itself comes out as one token and every two neighbours, by themselves, stay as they
// are. (Of the merges in the word those inside of two neighbours come in the same order as if there
// were nothing else, so the first that crossed a border would cross it there too.) So tokens are
// looked for from left to right, the longest first; what they begin of the word is then unique, and
// a place from which no token leads on is left for good.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/text/byte_trie.h"
#include "runtime/text/merges.h"

namespace weft {

class StableTokens {
 public:
  /// A token that comes out whole, and the last of the merges that make it.
  struct Token {
    std::string text;  // as words have it; not empty
    std::int32_t id;
    std::int32_t left = kNone, right = kNone;  // ids; kNone: nothing is merged
    std::uint32_t time = 0;                    // highest rank of all its merges, plus one
  };
  static constexpr std::int32_t kNone = -1;

  StableTokens() = default;
  /// Of texts and ids none is given twice. Finds nothing if a left or right is not among them.
  explicit StableTokens(const std::vector<Token>& tokens);

  /// Appends the tokens of a word and returns true; or returns false and appends nothing when they
  /// were not found this way: the word then has to be merged.
  bool tokenize(const Merges& merges, std::string_view word, std::vector<Piece>& pieces) const;

 private:
  struct Node {
    std::int32_t id;
    std::int32_t left, right;  // indexes of nodes
    std::uint32_t time;
  };
  class Search;
  bool stay_apart(const Merges& merges, std::int32_t left, std::int32_t right) const;

  ByteTrie trie_;            // values are indexes of nodes
  std::vector<Node> nodes_;  // empty: nothing is found
};

}  // namespace weft
