#include "runtime/text/stable_tokens.h"

#include <algorithm>
#include <array>
#include <limits>
#include <unordered_map>

namespace weft {

StableTokens::StableTokens(const std::vector<Token>& tokens) {
  std::unordered_map<std::int32_t, std::int32_t> index_of;
  index_of.reserve(tokens.size());
  std::vector<ByteTrie::Entry> entries;
  entries.reserve(tokens.size());
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    index_of.emplace(tokens[i].id, static_cast<std::int32_t>(i));
    entries.push_back({tokens[i].text, static_cast<std::int32_t>(i)});
  }
  const auto find = [&](std::int32_t id) {
    const auto found = index_of.find(id);
    return found == index_of.end() ? kNone : found->second;
  };
  nodes_.reserve(tokens.size());
  for (const Token& token : tokens) {
    const Node node{token.id, find(token.left), find(token.right), token.time};
    nodes_.push_back(node);
    if (node.time == 0 || (node.left != kNone && node.right != kNone)) continue;
    nodes_.clear();
    return;
  }
  trie_ = ByteTrie(std::move(entries));
}

// Whether no merge joins an end of the left token with a begin of the right one. Going back in
// time, what was formed last comes apart first; at the same rank all that lies on the left comes
// first. While two tokens wait side by side for their merges, until the first of them is gone, a
// merge of the two comes about if its rank is lower than that of any other merge in between, of
// which the highest is the time at which that one is gone; of equal ranks the leftmost comes first.
// A token that is gone at the very time at which it was formed was merged at a lower rank that is
// not known here: then the answer is no, which costs time only.
bool StableTokens::stay_apart(const Merges& merges, std::int32_t left, std::int32_t right) const {
  constexpr std::uint32_t kNever = std::numeric_limits<std::uint32_t>::max();
  const Node* a = &nodes_[static_cast<std::size_t>(left)];
  const Node* b = &nodes_[static_cast<std::size_t>(right)];
  std::uint32_t gone = kNever;
  bool left_is_gone = false;
  while (true) {
    const std::uint32_t rank = merges.find(a->id, b->id).rank;
    if (rank != Merges::kNone) {
      const std::uint32_t formed = left_is_gone ? a->time : b->time;
      if (formed == gone || (left_is_gone ? rank + 1 < gone : rank < gone)) return false;
    }
    if (a->time == 0 && b->time == 0) return true;
    left_is_gone = a->time > b->time;
    if (left_is_gone) {
      gone = a->time;
      a = &nodes_[static_cast<std::size_t>(a->right)];
    } else {
      gone = b->time;
      b = &nodes_[static_cast<std::size_t>(b->left)];
    }
  }
}

// One word on its way.
class StableTokens::Search {
 public:
  Search(const StableTokens& tokens, const Merges& merges, std::string_view word,
         std::vector<Piece>& pieces)
      : tokens_(tokens), merges_(merges), word_(word), pieces_(pieces), first_(pieces.size()) {
    if (word.size() > kOnStack) dead_.resize(word.size() + 1);
  }

  bool run() {
    std::size_t at = 0, limit = word_.size();
    while (at < word_.size()) {
      const std::size_t length = step(at, limit);
      if (length > 0) {
        at += length;
        limit = word_.size() - at;
        continue;
      }
      set_dead(at);
      if (pieces_.size() == first_) return false;
      // The token before gives way to a shorter one.
      const Piece& last = pieces_.back();
      at = static_cast<std::size_t>(last.begin);
      limit = static_cast<std::size_t>(last.end - last.begin) - 1;
      pieces_.pop_back();
    }
    for (std::size_t i = first_; i < pieces_.size(); ++i) {
      pieces_[i].id = tokens_.nodes_[static_cast<std::size_t>(pieces_[i].id)].id;
    }
    return true;
  }

 private:
  static constexpr std::size_t kOnStack = 63;
  struct Match {
    std::size_t length;
    std::int32_t index;
  };

  // Adds the longest token of at most `limit` bytes that leads on; returns its length, 0 for none.
  std::size_t step(std::size_t at, std::size_t limit) {
    std::array<Match, Merges::kShort> matches;
    std::size_t count = 0;
    tokens_.trie_.prefixes(word_.substr(at, limit), [&](std::size_t length, std::int32_t index) {
      matches[count++] = {length, index};
    });
    while (count > 0) {
      const auto [length, index] = matches[--count];
      if (is_dead(at + length)) continue;
      if (pieces_.size() > first_ && !tokens_.stay_apart(merges_, pieces_.back().id, index)) {
        continue;
      }
      pieces_.push_back(
          {index, static_cast<std::int32_t>(at), static_cast<std::int32_t>(at + length)});
      return length;
    }
    return 0;
  }

  bool is_dead(std::size_t at) const {
    return word_.size() > kOnStack ? dead_[at] : (few_dead_ >> at & 1) != 0;
  }
  void set_dead(std::size_t at) {
    if (word_.size() > kOnStack) {
      dead_[at] = true;
    } else {
      few_dead_ |= std::uint64_t{1} << at;
    }
  }

  const StableTokens& tokens_;
  const Merges& merges_;
  std::string_view word_;
  std::vector<Piece>& pieces_;  // while searching, ids are indexes of nodes
  std::size_t first_;
  std::uint64_t few_dead_ = 0;  // places that no token leads on from, of a word of few bytes
  std::vector<bool> dead_;      // of others
};

bool StableTokens::tokenize(const Merges& merges, std::string_view word,
                            std::vector<Piece>& pieces) const {
  if (nodes_.empty()) return false;
  const std::size_t first = pieces.size();
  if (Search(*this, merges, word, pieces).run()) return true;
  pieces.resize(first);
  return false;
}

}  // namespace weft
