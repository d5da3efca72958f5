#include "runtime/text/merges.h"

#include <algorithm>
#include <array>
#include <bit>
#include <functional>

namespace weft {
namespace {

constexpr std::uint64_t kEmpty = ~std::uint64_t{0};  // no pair: ids are not negative

std::uint64_t pair_of(std::int32_t left, std::int32_t right) {
  return std::uint64_t{static_cast<std::uint32_t>(left)} << 32 | static_cast<std::uint32_t>(right);
}

}  // namespace

Merges::Merges(std::size_t count)
    : slots_(std::bit_ceil(2 * count + 2), Slot{kEmpty, {kNone, 0}}),
      count_(count),
      shift_(64 - std::countr_zero(slots_.size())) {}

std::size_t Merges::place(std::uint64_t pair) const noexcept {
  std::size_t at = static_cast<std::size_t>((pair * 0x9E3779B97F4A7C15) >> shift_);
  while (slots_[at].pair != pair && slots_[at].pair != kEmpty) {
    at = (at + 1) & (slots_.size() - 1);
  }
  return at;
}

void Merges::insert(std::int32_t left, std::int32_t right, Merge merge) {
  const std::uint64_t pair = pair_of(left, right);
  slots_[place(pair)] = {pair, merge};
}

Merges::Merge Merges::find(std::int32_t left, std::int32_t right) const noexcept {
  if (slots_.empty()) return {kNone, 0};
  return slots_[place(pair_of(left, right))].merge;
}

void Merges::apply_short(std::vector<Piece>& pieces, std::size_t first) const {
  Piece* const piece = pieces.data() + first;
  std::size_t count = pieces.size() - first;
  std::array<Merge, kShort> merges;  // of each piece with the next
  for (std::size_t i = 0; i + 1 < count; ++i) merges[i] = find(piece[i].id, piece[i + 1].id);
  while (count > 1) {
    std::size_t best = 0;
    for (std::size_t i = 1; i + 1 < count; ++i) {
      if (merges[i].rank < merges[best].rank) best = i;
    }
    if (merges[best].rank == kNone) break;
    piece[best] = {merges[best].id, piece[best].begin, piece[best + 1].end};
    std::move(piece + best + 2, piece + count, piece + best + 1);
    --count;
    for (std::size_t i = best + 1; i + 1 < count; ++i) merges[i] = merges[i + 1];
    if (best > 0) merges[best - 1] = find(piece[best - 1].id, piece[best].id);
    if (best + 1 < count) merges[best] = find(piece[best].id, piece[best + 1].id);
  }
  pieces.resize(first + count);
}

// The pieces of a longer word, linked, so that a merge moves nothing. Its memory is used again.
class Merges::Chain {
 public:
  explicit Chain(const Merges& merges) : merges_(merges) {}

  // Every merge that is possible in its turn, from a heap.
  void merge(std::vector<Piece>& pieces, std::size_t first) {
    pieces_ = pieces.data() + first;
    const std::size_t count = pieces.size() - first;
    links_.resize(count);
    heap_.clear();
    for (std::size_t i = 0; i < count; ++i) {
      const auto at = static_cast<std::int32_t>(i);
      links_[i] = {at - 1, i + 1 < count ? at + 1 : kEnd};
      if (i + 1 < count) wait(merges_.find(pieces_[i].id, pieces_[i + 1].id).rank, at);
    }
    std::make_heap(heap_.begin(), heap_.end(), std::greater<>());
    while (!heap_.empty()) {
      std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
      const std::uint64_t next = heap_.back();
      heap_.pop_back();
      merge_pair(static_cast<std::int32_t>(next & 0xFFFFFFFF),
                 static_cast<std::uint32_t>(next >> 32));
    }
    std::size_t kept = first;
    for (std::int32_t at = 0; at != kEnd; at = link(at).next) pieces[kept++] = piece(at);
    pieces.resize(kept);
  }

 private:
  static constexpr std::int32_t kEnd = -1;
  static constexpr std::int32_t kGone = -2;
  struct Link {
    std::int32_t previous, next;  // kEnd outside the word; next is kGone for what was merged away
  };

  Link& link(std::int32_t at) { return links_[static_cast<std::size_t>(at)]; }
  Piece& piece(std::int32_t at) { return pieces_[at]; }
  void wait(std::uint32_t rank, std::int32_t at) {
    if (rank != kNone) heap_.push_back(std::uint64_t{rank} << 32 | static_cast<unsigned>(at));
  }

  // Merges the piece at `at` with the next if they still have this rank.
  void merge_pair(std::int32_t at, std::uint32_t rank) {
    const std::int32_t gone = link(at).next;
    if (gone < 0) return;
    const Merge merge = merges_.find(piece(at).id, piece(gone).id);
    if (merge.rank != rank) return;
    piece(at).id = merge.id;
    piece(at).end = piece(gone).end;
    link(at).next = link(gone).next;
    link(gone).next = kGone;
    if (link(at).next != kEnd) link(link(at).next).previous = at;
    for (const std::int32_t left : {link(at).previous, at}) {
      if (left == kEnd || link(left).next == kEnd) continue;
      const std::size_t waiting = heap_.size();
      wait(merges_.find(piece(left).id, piece(link(left).next).id).rank, left);
      if (heap_.size() > waiting) std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
    }
  }

  const Merges& merges_;
  Piece* pieces_ = nullptr;
  std::vector<Link> links_;
  std::vector<std::uint64_t> heap_;  // rank, position
};

// Tokens are those of the whole word if and only if every two neighbours, by themselves, stay as
// they are: of the merges in the whole word those inside of two neighbours come in the same order
// as if there were nothing else, so the first that crossed a border would cross it there too. So
// each block is merged together with some tokens before it, and if the first of these comes out as
// it was, all that lies before it stays.
bool Merges::apply_in_blocks(std::vector<Piece>& pieces, std::size_t first) const {
  const std::vector<Piece> atoms(pieces.begin() + static_cast<std::ptrdiff_t>(first), pieces.end());
  pieces.resize(first);
  Chain chain(*this);
  std::vector<Piece> block;
  for (std::size_t done = 0; done < atoms.size();) {
    const std::size_t end = std::min(done + kBlock, atoms.size());
    for (std::size_t again = kAgain;; again *= 2) {
      if (again > kBlock) {
        pieces.resize(first);
        pieces.insert(pieces.end(), atoms.begin(), atoms.end());
        return false;
      }
      const std::size_t kept = pieces.size() - std::min(again, pieces.size() - first);
      std::size_t begin = done;
      if (kept < pieces.size()) {
        while (begin > 0 && atoms[begin - 1].begin >= pieces[kept].begin) --begin;
      }
      block.assign(atoms.begin() + static_cast<std::ptrdiff_t>(begin),
                   atoms.begin() + static_cast<std::ptrdiff_t>(end));
      chain.merge(block, 0);
      const bool joined =
          kept == first || (block[0].id == pieces[kept].id && block[0].end == pieces[kept].end);
      if (!joined) continue;
      pieces.resize(kept);
      pieces.insert(pieces.end(), block.begin(), block.end());
      break;
    }
    done = end;
  }
  return true;
}

void Merges::apply(std::vector<Piece>& pieces, std::size_t first) const {
  const std::size_t count = pieces.size() - first;
  if (count < 2 || count_ == 0) return;
  if (count <= kShort) return apply_short(pieces, first);
  if (count > 2 * kBlock && apply_in_blocks(pieces, first)) return;
  Chain(*this).merge(pieces, first);
}

}  // namespace weft
