#include "runtime/text/byte_trie.h"

#include <algorithm>

namespace weft {

// The lowest base, from the first free place on, that gives all bytes free places. Each try that
// fails for a place before moves on, so dense beginnings are passed over once.
std::uint32_t ByteTrie::find_base(const std::vector<unsigned char>& bytes) {
  constexpr int kTries = 64;
  std::uint32_t at = first_free_;
  for (int tries = 0;; ++at, ++tries) {
    while (at < nodes_.size() && nodes_[at].parent != kFree) ++at;
    // After many tries in vain what lies before is too dense to be worth trying again.
    if (tries == kTries) first_free_ = at;
    if (at < bytes[0] + 1u) continue;
    const std::uint32_t base = at - bytes[0];
    if (nodes_.size() < std::size_t{base} + 257) {
      nodes_.resize(std::max(std::size_t{base} + 257, nodes_.size() * 3 / 2));
    }
    const bool fits = std::all_of(bytes.begin(), bytes.end(), [&](unsigned char byte) {
      return nodes_[base + byte].parent == kFree;
    });
    if (fits) return base;
  }
}

ByteTrie::ByteTrie(std::vector<Entry> entries) {
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return a.key < b.key; });
  struct Range {
    std::size_t begin, end, depth;  // entries that share their first `depth` bytes
    std::uint32_t node;
  };
  nodes_[0].parent = 0;
  nodes_[0].base = 1;
  std::vector<Range> pending{{0, entries.size(), 0, 0}};
  std::vector<unsigned char> bytes;
  std::vector<std::size_t> begins;
  while (!pending.empty()) {
    Range range = pending.back();
    pending.pop_back();
    if (range.begin < range.end && entries[range.begin].key.size() == range.depth) {
      nodes_[range.node].value = entries[range.begin].value;
      ++range.begin;
    }
    if (range.begin == range.end) continue;
    bytes.clear();
    begins.clear();
    for (std::size_t i = range.begin; i < range.end; ++i) {
      const auto byte = static_cast<unsigned char>(entries[i].key[range.depth]);
      if (!bytes.empty() && bytes.back() == byte) continue;
      bytes.push_back(byte);
      begins.push_back(i);
    }
    begins.push_back(range.end);
    const std::uint32_t base = find_base(bytes);
    nodes_[range.node].base = base;
    for (std::size_t i = 0; i < bytes.size(); ++i) nodes_[base + bytes[i]].parent = range.node;
    while (first_free_ < nodes_.size() && nodes_[first_free_].parent != kFree) ++first_free_;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      pending.push_back({begins[i], begins[i + 1], range.depth + 1, base + bytes[i]});
    }
  }
}

}  // namespace weft
