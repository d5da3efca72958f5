// A read-mostly map from byte strings to ids: open addressing, eight bytes a slot, one pool.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weft {

class StringTable {
 public:
  static constexpr std::int32_t kMissing = -1;

  StringTable();
  void reserve(std::size_t entries);
  /// False, and nothing changes, if the key is there already. Throws Error(kResourceExhausted) when
  /// all keys together pass 4 GB.
  bool insert(std::string_view key, std::int32_t id);
  std::int32_t find(std::string_view key) const noexcept;  // id or kMissing
  std::size_t size() const noexcept { return entries_.size(); }
  std::string_view key(std::size_t index) const noexcept;  // in order of insertion
  std::int32_t id(std::size_t index) const noexcept { return entries_[index].id; }
  /// The different lengths of keys in bytes, longest first. Call after the last insert.
  std::vector<std::uint32_t> lengths() const;

 private:
  struct Entry {
    std::uint32_t offset, length;
    std::int32_t id;
  };
  struct Slot {
    std::uint32_t tag;
    std::uint32_t entry;  // index + 1; 0: empty
  };
  void grow(std::size_t slots);

  // Drawn anew for each table, so that no file can choose keys that collide.
  std::uint64_t seed_;
  std::vector<Slot> slots_;  // a power of two, at most half full
  std::vector<Entry> entries_;
  std::string pool_;
};

}  // namespace weft
