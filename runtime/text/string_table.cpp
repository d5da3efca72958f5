#include "runtime/text/string_table.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <limits>
#include <random>

#include "runtime/text/byte_hash.h"
#include "weft/error.h"

namespace weft {
std::uint64_t draw_hash_seed() {
  std::random_device source;
  return (std::uint64_t{source()} << 32) | source();
}

StringTable::StringTable() : seed_(draw_hash_seed()), slots_(16) {}

void StringTable::reserve(std::size_t entries) {
  entries_.reserve(entries);
  pool_.reserve(entries * 8);
  if (2 * entries > slots_.size()) grow(std::bit_ceil(2 * entries));
}

void StringTable::grow(std::size_t slots) {
  slots_.assign(slots, Slot{});
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const std::uint64_t full = hash_bytes(key(i), seed_);
    std::size_t at = full & (slots - 1);
    while (slots_[at].entry != 0) at = (at + 1) & (slots - 1);
    slots_[at] = {static_cast<std::uint32_t>(full >> 32), static_cast<std::uint32_t>(i + 1)};
  }
}

bool StringTable::insert(std::string_view key, std::int32_t id) {
  if (find(key) != kMissing) return false;
  constexpr std::size_t kMax = std::numeric_limits<std::uint32_t>::max();
  if (key.size() > kMax - pool_.size()) {
    throw Error(Reason::kResourceExhausted,
                "[tokenizer] vocabulary: expected at most 4 GB of keys");
  }
  entries_.push_back(
      {static_cast<std::uint32_t>(pool_.size()), static_cast<std::uint32_t>(key.size()), id});
  pool_.append(key);
  if (2 * entries_.size() > slots_.size()) {
    grow(2 * slots_.size());
    return true;
  }
  const std::uint64_t full = hash_bytes(key, seed_);
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = full & mask;
  while (slots_[at].entry != 0) at = (at + 1) & mask;
  slots_[at] = {static_cast<std::uint32_t>(full >> 32),
                static_cast<std::uint32_t>(entries_.size())};
  return true;
}

std::string_view StringTable::key(std::size_t index) const noexcept {
  return {pool_.data() + entries_[index].offset, entries_[index].length};
}

std::int32_t StringTable::find(std::string_view wanted) const noexcept {
  const std::uint64_t full = hash_bytes(wanted, seed_);
  const auto tag = static_cast<std::uint32_t>(full >> 32);
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t at = full & mask; slots_[at].entry != 0; at = (at + 1) & mask) {
    if (slots_[at].tag != tag) continue;
    const Entry& entry = entries_[slots_[at].entry - 1];
    if (entry.length == wanted.size() &&
        same_bytes(pool_.data() + entry.offset, wanted.data(), wanted.size())) {
      return entry.id;
    }
  }
  return kMissing;
}

std::vector<std::uint32_t> StringTable::lengths() const {
  std::vector<std::uint32_t> lengths;
  lengths.reserve(entries_.size());
  for (const Entry& entry : entries_) lengths.push_back(entry.length);
  std::sort(lengths.begin(), lengths.end(), std::greater<>());
  lengths.erase(std::unique(lengths.begin(), lengths.end()), lengths.end());
  return lengths;
}

}  // namespace weft
