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

std::uint64_t hash_of(std::uint64_t pair) { return pair * 0x9E3779B97F4A7C15; }

}  // namespace

Merges::Merges(std::size_t count)
    : slots_(std::bit_ceil(2 * count + 2), Slot{kEmpty, {kNone, 0}}),
      present_(std::bit_ceil(count * kBitsPerMerge / 64 + 1)),
      count_(count),
      shift_(64 - std::countr_zero(slots_.size())),
      present_shift_(64 - 6 - std::countr_zero(present_.size())) {}

std::size_t Merges::place(std::uint64_t pair, std::uint64_t hash) const noexcept {
  auto at = static_cast<std::size_t>(hash >> shift_);
  while (slots_[at].pair != pair && slots_[at].pair != kEmpty) {
    at = (at + 1) & (slots_.size() - 1);
  }
  return at;
}

void Merges::insert(std::int32_t left, std::int32_t right, Merge merge) {
  const std::uint64_t pair = pair_of(left, right);
  const std::uint64_t hash = hash_of(pair);
  const std::uint64_t bit = hash >> present_shift_;
  present_[bit / 64] |= std::uint64_t{1} << bit % 64;
  slots_[place(pair, hash)] = {pair, merge};
}

Merges::Merge Merges::find(std::int32_t left, std::int32_t right) const noexcept {
  if (slots_.empty()) return {kNone, 0};
  const std::uint64_t pair = pair_of(left, right);
  const std::uint64_t hash = hash_of(pair);
  const std::uint64_t bit = hash >> present_shift_;
  if ((present_[bit / 64] >> bit % 64 & 1) == 0) return {kNone, 0};
  return slots_[place(pair, hash)].merge;
}

// Calls on_merge(left id, right id, rank) before each merge. Nothing is moved before the end: a
// piece that is merged away keeps its place, with no rank.
template <typename OnMerge>
void Merges::apply_short(std::vector<Piece>& pieces, std::size_t first, OnMerge on_merge) const {
  Piece* const piece = pieces.data() + first;
  const std::size_t count = pieces.size() - first;
  std::array<std::uint32_t, kShort> ranks;  // of each piece with the next
  std::array<std::int32_t, kShort> merged;  // what the two become
  std::array<std::uint8_t, kShort> next, previous;
  const auto look_up = [&](std::size_t at) {
    const Merge merge = next[at] < count ? find(piece[at].id, piece[next[at]].id) : Merge{kNone, 0};
    ranks[at] = merge.rank;
    merged[at] = merge.id;
  };
  for (std::size_t i = 0; i < count; ++i) {
    next[i] = static_cast<std::uint8_t>(i + 1);
    previous[i] = static_cast<std::uint8_t>(i - 1);
  }
  for (std::size_t i = 0; i < count; ++i) look_up(i);
  while (true) {
    std::uint64_t best = ~std::uint64_t{0};  // rank, place
    for (std::size_t i = 0; i + 1 < count; ++i) {
      best = std::min(best, std::uint64_t{ranks[i]} << 8 | i);
    }
    if (best >> 8 >= kNone) break;
    const std::size_t at = best & 0xFF;
    const std::size_t gone = next[at];
    on_merge(piece[at].id, piece[gone].id, ranks[at]);
    piece[at].id = merged[at];
    piece[at].end = piece[gone].end;
    ranks[gone] = kNone;
    next[at] = next[gone];
    if (next[at] < count) previous[next[at]] = static_cast<std::uint8_t>(at);
    look_up(at);
    if (at > 0) look_up(previous[at]);
  }
  std::size_t kept = 0;
  for (std::size_t at = 0; at < count; at = next[at]) piece[kept++] = piece[at];
  pieces.resize(first + kept);
}

std::optional<Merges::Last> Merges::apply_to_few(std::vector<Piece>& pieces) const {
  std::optional<Last> last;
  if (pieces.size() < 2 || count_ == 0) return last;
  apply_short(pieces, 0, [&](std::int32_t left, std::int32_t right, std::uint32_t rank) {
    last = {left, right, last ? std::max(last->highest_rank, rank) : rank};
  });
  return last;
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
  if (count <= kShort) return apply_short(pieces, first, [](auto...) {});
  if (count > 2 * kBlock && apply_in_blocks(pieces, first)) return;
  Chain(*this).merge(pieces, first);
}

}  // namespace weft
