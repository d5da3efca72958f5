#include "runtime/text/merges.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>

namespace weft::test {
namespace {

struct NaiveMerge {
  std::uint32_t rank;
  std::int32_t id;
};
using NaiveMerges = std::map<std::pair<std::int32_t, std::int32_t>, NaiveMerge>;

// The definition: of all neighbours those of the lowest rank, the leftmost first.
std::vector<std::int32_t> naive(const NaiveMerges& merges, std::vector<std::int32_t> ids) {
  while (true) {
    std::size_t best = ids.size();
    NaiveMerge merge{Merges::kNone, 0};
    for (std::size_t i = 0; i + 1 < ids.size(); ++i) {
      const auto found = merges.find({ids[i], ids[i + 1]});
      if (found == merges.end() || found->second.rank >= merge.rank) continue;
      best = i;
      merge = found->second;
    }
    if (best == ids.size()) return ids;
    ids[best] = merge.id;
    ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(best) + 1);
  }
}

struct Random {
  explicit Random(unsigned seed) : engine(seed) {}
  std::int32_t below(std::int32_t limit) {
    return static_cast<std::int32_t>(engine() % static_cast<unsigned>(limit));
  }
  std::mt19937 engine;
};

enum class Order { kOfTraining, kAny };

// Merges of four letters and what they become. In the order of training a merge is of tokens that
// earlier merges made; otherwise ranks are shuffled.
NaiveMerges draw_merges(Random& random, Order order) {
  NaiveMerges merges;
  std::int32_t tokens = 4;
  for (std::uint32_t rank = 0; rank < 40; ++rank) {
    const std::pair pair{random.below(tokens), random.below(tokens)};
    if (merges.emplace(pair, NaiveMerge{rank, tokens}).second) ++tokens;
  }
  if (order == Order::kOfTraining) return merges;
  std::vector<std::uint32_t> ranks;
  for (const auto& [pair, merge] : merges) ranks.push_back(merge.rank);
  std::shuffle(ranks.begin(), ranks.end(), random.engine);
  std::size_t i = 0;
  for (auto& [pair, merge] : merges) merge.rank = ranks[i++];
  return merges;
}

Merges table_of(const NaiveMerges& merges) {
  Merges table(64);
  for (const auto& [pair, merge] : merges) {
    table.insert(pair.first, pair.second, {merge.rank, merge.id});
  }
  return table;
}

// Two pieces that are there already stay; the rest is merged, and stays side by side.
std::vector<std::int32_t> merged(const Merges& table, const std::vector<std::int32_t>& ids) {
  std::vector<Piece> pieces{{77, 0, 3}, {78, 3, 9}};
  for (std::size_t i = 0; i < ids.size(); ++i) {
    pieces.push_back({ids[i], static_cast<std::int32_t>(i), static_cast<std::int32_t>(i) + 1});
  }
  table.apply(pieces, 2);
  CHECK(pieces[0].id == 77);
  CHECK(pieces[1].end == 9);
  std::vector<std::int32_t> result;
  std::int32_t at = 0;
  bool joined = true;
  for (std::size_t i = 2; i < pieces.size(); ++i) {
    joined = joined && pieces[i].begin == at && pieces[i].end > at;
    at = pieces[i].end;
    result.push_back(pieces[i].id);
  }
  CHECK(joined);
  CHECK(static_cast<std::size_t>(at) == ids.size());
  return result;
}

std::vector<std::int32_t> draw_word(Random& random, std::size_t length) {
  std::vector<std::int32_t> ids(length);
  for (std::int32_t& id : ids) id = random.below(random.below(3) == 0 ? 1 : 4);
  return ids;
}

}  // namespace

TEST_CASE("words of every length are merged lowest rank first, leftmost first") {
  for (const Order order : {Order::kOfTraining, Order::kAny}) {
    Random random(11);
    for (int round = 0; round < 60; ++round) {
      const NaiveMerges merges = draw_merges(random, order);
      const Merges table = table_of(merges);
      for (const std::size_t length :
           {std::size_t{0}, std::size_t{1}, std::size_t{2}, std::size_t{7}, Merges::kShort - 1,
            Merges::kShort, Merges::kShort + 1, std::size_t{300}}) {
        const auto word = draw_word(random, length);
        REQUIRE(merged(table, word) == naive(merges, word));
      }
    }
  }
}

// The naive form would take minutes here: a long word is made of parts that nothing joins (id 4 has
// no merges), each of which is merged alone.
TEST_CASE("the longest words are merged block by block to the same end") {
  constexpr std::int32_t kWall = 1000;
  for (const Order order : {Order::kOfTraining, Order::kAny}) {
    Random random(12);
    for (int round = 0; round < 3; ++round) {
      const NaiveMerges merges = draw_merges(random, order);
      const Merges table = table_of(merges);
      std::vector<std::int32_t> word, expected;
      while (word.size() < 400 * Merges::kBlock) {
        const auto part = draw_word(random, static_cast<std::size_t>(random.below(90)));
        word.insert(word.end(), part.begin(), part.end());
        word.push_back(kWall);
        const auto end = naive(merges, part);
        expected.insert(expected.end(), end.begin(), end.end());
        expected.push_back(kWall);
      }
      REQUIRE(merged(table, word) == expected);
    }
  }
}

TEST_CASE("without merges every piece stays") {
  CHECK(merged(Merges(), {1, 2, 3}) == std::vector<std::int32_t>{1, 2, 3});
  CHECK(merged(Merges(0), {1, 2, 3}) == std::vector<std::int32_t>{1, 2, 3});
}

}  // namespace weft::test
