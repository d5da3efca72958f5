#include "runtime/text/merges.h"

#include <algorithm>
#include <array>
#include <bit>
#include <functional>
#include <queue>

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

// The pieces of a long word, linked, so that a merge moves nothing.
class Merges::Chain {
 public:
  Chain(const Merges& merges, std::vector<Piece>& pieces, std::size_t first)
      : merges_(merges), pieces_(pieces), first_(first), links_(pieces.size() - first) {
    for (std::size_t i = 0; i < links_.size(); ++i) {
      links_[i] = {static_cast<std::int32_t>(i) - 1, static_cast<std::int32_t>(i) + 1};
    }
    links_.back().next = kEnd;
  }

  // Every merge that is possible in its turn, from a heap.
  void merge_by_heap() {
    std::vector<std::uint64_t> entries;  // rank, position
    for (std::int32_t at = 0; at != kEnd; at = link(at).next) {
      const std::uint32_t rank = merge_at(at).rank;
      if (rank != kNone) entries.push_back(std::uint64_t{rank} << 32 | static_cast<unsigned>(at));
    }
    std::priority_queue heap(std::greater<>(), std::move(entries));
    while (!heap.empty()) {
      const auto rank = static_cast<std::uint32_t>(heap.top() >> 32);
      const auto at = static_cast<std::int32_t>(heap.top() & 0xFFFFFFFF);
      heap.pop();
      merge(at, rank, [&heap](std::uint32_t new_rank, std::int32_t place) {
        heap.push(std::uint64_t{new_rank} << 32 | static_cast<unsigned>(place));
      });
    }
  }

  // All merges of a rank in one sweep from left to right. False, in a state from which the heap may
  // go on, if merges keep making merges of lower ranks possible, as training never does.
  bool merge_by_rank() {
    for (std::int32_t at = 0; at != kEnd; at = link(at).next) {
      const std::uint32_t rank = merge_at(at).rank;
      if (rank != kNone) wait(rank, at);
    }
    std::vector<std::int32_t> sweep;
    for (int returns = 0; !ranks_.empty() && returns < kMaxReturns;) {
      const std::uint32_t rank = ranks_.top();
      ranks_.pop();
      sweep.swap(waiting_[rank]);
      if (!std::is_sorted(sweep.begin(), sweep.end())) std::sort(sweep.begin(), sweep.end());
      bool returned = false;
      for (std::size_t i = 0; i < sweep.size(); ++i) {
        if (returned) {
          wait(rank, sweep[i]);
          continue;
        }
        merge(sweep[i], rank, [&](std::uint32_t new_rank, std::int32_t place) {
          if (new_rank <= rank) returned = true;
          wait(new_rank, place);
        });
      }
      if (returned) ++returns;
      std::vector<std::int32_t>().swap(sweep);
    }
    return ranks_.empty();
  }

  void close_ranks() {
    std::size_t kept = first_;
    for (std::int32_t at = 0; at != kEnd; at = link(at).next) pieces_[kept++] = piece(at);
    pieces_.resize(kept);
  }

 private:
  static constexpr std::int32_t kEnd = -1;
  static constexpr std::int32_t kGone = -2;
  static constexpr int kMaxReturns = 64;
  struct Link {
    std::int32_t previous, next;  // kEnd outside the word; next is kGone for what was merged away
  };

  Link& link(std::int32_t at) { return links_[static_cast<std::size_t>(at)]; }
  Piece& piece(std::int32_t at) { return pieces_[first_ + static_cast<std::size_t>(at)]; }
  Merge merge_at(std::int32_t at) {
    const std::int32_t next = link(at).next;
    if (next < 0) return {kNone, 0};
    return merges_.find(piece(at).id, piece(next).id);
  }
  void wait(std::uint32_t rank, std::int32_t at) {
    if (waiting_.empty()) waiting_.resize(merges_.count_);
    if (waiting_[rank].empty()) ranks_.push(rank);
    waiting_[rank].push_back(at);
  }

  // Merges the piece at `at` with the next if they still have this rank; tells of new neighbours.
  template <typename Found>
  void merge(std::int32_t at, std::uint32_t rank, Found found) {
    const Merge merge = merge_at(at);
    if (merge.rank != rank) return;
    const std::int32_t gone = link(at).next;
    piece(at).id = merge.id;
    piece(at).end = piece(gone).end;
    link(at).next = link(gone).next;
    link(gone).next = kGone;
    if (link(at).next != kEnd) link(link(at).next).previous = at;
    for (const std::int32_t left : {link(at).previous, at}) {
      if (left == kEnd) continue;
      const std::uint32_t new_rank = merge_at(left).rank;
      if (new_rank != kNone) found(new_rank, left);
    }
  }

  const Merges& merges_;
  std::vector<Piece>& pieces_;
  std::size_t first_;
  std::vector<Link> links_;
  std::vector<std::vector<std::int32_t>> waiting_;  // by rank: where such a merge was possible
  std::priority_queue<std::uint32_t, std::vector<std::uint32_t>, std::greater<>> ranks_;
};

void Merges::apply(std::vector<Piece>& pieces, std::size_t first) const {
  const std::size_t count = pieces.size() - first;
  if (count < 2 || count_ == 0) return;
  if (count <= kShort) return apply_short(pieces, first);
  Chain chain(*this, pieces, first);
  if (count < kRankByRank || !chain.merge_by_rank()) chain.merge_by_heap();
  chain.close_ranks();
}

}  // namespace weft
