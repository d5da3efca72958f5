// The tokens of a vocabulary and the added ones, by id.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/text/added_tokens.h"
#include "runtime/text/string_table.h"

namespace weft {

class IdTable {
 public:
  IdTable() = default;
  /// Views of the arguments, which must outlive this. Throws Error(kCorruptFile) naming `file` if
  /// two tokens have one id.
  IdTable(const StringTable& vocabulary, const AddedTokens& added, const std::string& file);

  std::size_t size() const noexcept { return entries_.size(); }
  std::string_view token(std::size_t index) const noexcept { return entries_[index].token; }
  /// By rising ids; the index is the id itself in a vocabulary without gaps.
  std::optional<std::size_t> index(std::int32_t id) const noexcept;
  std::int32_t last_id() const noexcept { return entries_.back().id; }

 private:
  struct Entry {
    std::int32_t id;
    std::string_view token;
  };
  std::vector<Entry> entries_;
  std::size_t dense_ = 0;  // so many entries from the first on have their index as id
};

}  // namespace weft
