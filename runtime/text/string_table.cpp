#include "runtime/text/string_table.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <functional>
#include <limits>
#include <random>

#include "weft/error.h"

namespace weft {
namespace {

template <typename T>
std::uint64_t load(const char* from) noexcept {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

std::uint64_t multiply_fold(std::uint64_t a, std::uint64_t b) noexcept {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

std::uint64_t draw_seed() {
  std::random_device source;
  return (std::uint64_t{source()} << 32) | source();
}

}  // namespace

StringTable::StringTable() : seed_(draw_seed()), slots_(16) {}

// Two overlapping loads cover up to 16 bytes, which is nearly every word.
std::uint64_t StringTable::hash(std::string_view key) const noexcept {
  constexpr std::uint64_t kOdd = 0x9E3779B97F4A7C15, kOther = 0xE7037ED1A0B428DB;
  const char* at = key.data();
  std::size_t left = key.size();
  std::uint64_t state = seed_ ^ (left * kOdd);
  while (left > 16) {
    state = multiply_fold(load<std::uint64_t>(at) ^ state, load<std::uint64_t>(at + 8) ^ kOther);
    at += 16;
    left -= 16;
  }
  std::uint64_t a = 0, b = 0;
  if (left >= 8) {
    a = load<std::uint64_t>(at);
    b = load<std::uint64_t>(at + left - 8);
  } else if (left >= 4) {
    a = load<std::uint32_t>(at);
    b = load<std::uint32_t>(at + left - 4);
  } else if (left > 0) {
    a = load<std::uint8_t>(at) | load<std::uint8_t>(at + left / 2) << 8 |
        load<std::uint8_t>(at + left - 1) << 16;
  }
  return multiply_fold(multiply_fold(a ^ state, b ^ kOther) ^ seed_, kOdd);
}

void StringTable::reserve(std::size_t entries) {
  entries_.reserve(entries);
  pool_.reserve(entries * 8);
  if (2 * entries > slots_.size()) grow(std::bit_ceil(2 * entries));
}

void StringTable::grow(std::size_t slots) {
  slots_.assign(slots, Slot{});
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const std::uint64_t full = hash(key(i));
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
  const std::uint64_t full = hash(key);
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
  const std::uint64_t full = hash(wanted);
  const auto tag = static_cast<std::uint32_t>(full >> 32);
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t at = full & mask; slots_[at].entry != 0; at = (at + 1) & mask) {
    if (slots_[at].tag != tag) continue;
    const Entry& entry = entries_[slots_[at].entry - 1];
    if (entry.length == wanted.size() &&
        std::memcmp(pool_.data() + entry.offset, wanted.data(), wanted.size()) == 0) {
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
