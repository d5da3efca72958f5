// A trie of byte strings as a double array: what begins at a place of a text, one step a byte.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace weft {

class ByteTrie {
 public:
  struct Entry {
    std::string_view key;
    std::int32_t value;  // not negative
  };
  static constexpr std::int32_t kNone = -1;

  ByteTrie() = default;
  /// Keys are different and not empty. Takes over the entries to sort them.
  explicit ByteTrie(std::vector<Entry> entries);

  /// Calls found(length, value) for every key that begins text, the shortest first.
  template <typename Found>
  void prefixes(std::string_view text, Found found) const {
    std::uint32_t node = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
      const std::uint32_t next = nodes_[node].base + static_cast<unsigned char>(text[i]);
      if (nodes_[next].parent != node) return;
      node = next;
      if (nodes_[node].value != kNone) found(i + 1, nodes_[node].value);
    }
  }

 private:
  static constexpr std::uint32_t kFree = 0xFFFFFFFF;
  struct Node {
    std::uint32_t base = 0;        // a child lies at base + its byte
    std::uint32_t parent = kFree;  // of a free place: kFree
    std::int32_t value = kNone;
  };
  std::uint32_t find_base(const std::vector<unsigned char>& bytes);

  // The root at 0; no base + 255 lies outside.
  std::vector<Node> nodes_ = std::vector<Node>(257);
  std::uint32_t first_free_ = 1;
};

}  // namespace weft
