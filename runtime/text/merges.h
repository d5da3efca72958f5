// The merges of byte-pair encoding: which two neighbours become one, the lowest rank first, of
// equal ranks the leftmost (Sennrich et al. 2016).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "runtime/text/token_model.h"

namespace weft {

class Merges {
 public:
  struct Merge {
    std::uint32_t rank;
    std::int32_t id;  // of the token that the two become
  };
  static constexpr std::uint32_t kNone = 0xFFFFFFFF;  // rank of neighbours that stay apart

  Merges() = default;
  /// Room for that many; the ranks must be below it.
  explicit Merges(std::size_t count);
  /// Of two merges of one pair the later counts, as in the reference.
  void insert(std::int32_t left, std::int32_t right, Merge merge);
  Merge find(std::int32_t left, std::int32_t right) const noexcept;

  /// Merges the pieces from index `first` on, which lie side by side in a word, until none is left
  /// to merge. Short words without a heap, longer ones with one, the longest block by block, in
  /// time linear in n unless the merges are made to prevent it (then n log n).
  void apply(std::vector<Piece>& pieces, std::size_t first) const;

  /// apply() of at most kShort pieces from index 0 on, and the last of the merges.
  struct Last {
    std::int32_t left, right;    // ids; not set if nothing was merged
    std::uint32_t highest_rank;  // of all merges
  };
  std::optional<Last> apply_to_few(std::vector<Piece>& pieces) const;

  static constexpr std::size_t kShort = 48;   // pieces; beyond it a heap is faster
  static constexpr std::size_t kBlock = 256;  // pieces; they and what they need stay in L1 cache
  static constexpr std::size_t kAgain = 8;    // tokens before a block, at first

 private:
  struct Slot {
    std::uint64_t pair;
    Merge merge;
  };
  class Chain;
  static constexpr std::size_t kBitsPerMerge = 16;
  std::size_t place(std::uint64_t pair, std::uint64_t hash) const noexcept;
  bool apply_in_blocks(std::vector<Piece>& pieces, std::size_t first) const;
  template <typename OnMerge>
  void apply_short(std::vector<Piece>& pieces, std::size_t first, OnMerge on_merge) const;

  std::vector<Slot> slots_;  // open addressing, a power of two, at most half full
  // Bits at the hashes of pairs, a power of two: most neighbours stay apart, and are found to
  // without a slot.
  std::vector<std::uint64_t> present_;
  std::size_t count_ = 0;
  int shift_ = 64, present_shift_ = 64;
};

}  // namespace weft
