// A map from words to ids that is made once and then only read: most look-ups touch one cache line,
// because a slot holds a short word itself.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "runtime/text/string_table.h"

namespace weft {

class WordTable {
 public:
  static constexpr std::int32_t kMissing = StringTable::kMissing;

  WordTable() = default;
  /// All words of a table.
  explicit WordTable(const StringTable& words);
  /// Id or kMissing.
  std::int32_t find(std::string_view word) const noexcept;

 private:
  struct alignas(32) Slot {
    std::int32_t id = 0;
    std::uint8_t size = 0;  // of the word; 0: empty
    char bytes[27];
  };
  std::size_t place(std::string_view word) const noexcept;

  std::uint64_t seed_ = 0;
  std::vector<Slot> slots_;  // open addressing, at most three in five are full
  StringTable others_;       // the empty word and those that are too long for a slot
};

}  // namespace weft
