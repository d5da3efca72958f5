#include "runtime/text/word_table.h"

#include <cstring>

#include "runtime/text/byte_hash.h"

namespace weft {

WordTable::WordTable(const StringTable& words) : seed_(draw_hash_seed()) {
  slots_.resize(words.size() * 5 / 3 + 1);
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string_view word = words.key(i);
    if (word.empty() || word.size() > sizeof Slot::bytes) {
      others_.insert(word, words.id(i));
      continue;
    }
    Slot& slot = slots_[place(word)];
    slot.id = words.id(i);
    slot.size = static_cast<std::uint8_t>(word.size());
    std::memcpy(slot.bytes, word.data(), word.size());
  }
}

// The word's slot, or the empty one where it would be.
std::size_t WordTable::place(std::string_view word) const noexcept {
  __extension__ using Wide = unsigned __int128;
  auto at = static_cast<std::size_t>(Wide{hash_bytes(word, seed_)} * slots_.size() >> 64);
  while (slots_[at].size != 0 && !(slots_[at].size == word.size() &&
                                   same_bytes(slots_[at].bytes, word.data(), word.size()))) {
    if (++at == slots_.size()) at = 0;
  }
  return at;
}

std::int32_t WordTable::find(std::string_view word) const noexcept {
  if (word.empty() || word.size() > sizeof Slot::bytes) return others_.find(word);
  if (slots_.empty()) return kMissing;
  const Slot& slot = slots_[place(word)];
  return slot.size == 0 ? kMissing : slot.id;
}

}  // namespace weft
