#include "runtime/text/id_table.h"

#include <fmt/format.h>

#include <algorithm>

#include "weft/error.h"

namespace weft {

IdTable::IdTable(const StringTable& vocabulary, const AddedTokens& added, const std::string& file) {
  entries_.reserve(vocabulary.size() + added.tokens().size());
  for (std::size_t i = 0; i < vocabulary.size(); ++i) {
    entries_.push_back({vocabulary.id(i), vocabulary.key(i)});
  }
  for (const AddedToken& token : added.tokens()) {
    if (vocabulary.find(token.content) == StringTable::kMissing) {
      entries_.push_back({token.id, token.content});
    }
  }
  const auto by_id = [](const Entry& a, const Entry& b) { return a.id < b.id; };
  if (!std::is_sorted(entries_.begin(), entries_.end(), by_id)) {
    std::sort(entries_.begin(), entries_.end(), by_id);
  }
  const auto twin = std::adjacent_find(entries_.begin(), entries_.end(),
                                       [](auto& a, auto& b) { return a.id == b.id; });
  if (twin != entries_.end()) {
    throw Error(
        Reason::kCorruptFile,
        fmt::format("{}: added_tokens: id {}: expected one token, found two", file, twin->id));
  }
  while (dense_ < entries_.size() && entries_[dense_].id == static_cast<std::int32_t>(dense_)) {
    ++dense_;
  }
}

std::optional<std::size_t> IdTable::index(std::int32_t id) const noexcept {
  if (id < 0) return std::nullopt;
  const auto direct = static_cast<std::size_t>(id);
  if (direct < dense_) return direct;
  const auto found =
      std::lower_bound(entries_.begin(), entries_.end(), id,
                       [](const Entry& entry, std::int32_t wanted) { return entry.id < wanted; });
  if (found == entries_.end() || found->id != id) return std::nullopt;
  return static_cast<std::size_t>(found - entries_.begin());
}

}  // namespace weft
