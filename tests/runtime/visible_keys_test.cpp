// Tokens behind a sequence's visible ones are computed and change nothing: in every architecture.
#include "runtime/visible_keys.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "runtime/token_batch.h"
#include "tests/failure.h"
#include "tests/isa_under_test.h"
#include "tests/paths.h"
#include "weft/session.h"

namespace weft::test {
namespace {

struct Sequences {
  std::vector<std::int32_t> ids, lengths;  // lengths: of what is visible
  std::vector<std::int32_t> offsets{0};

  void add(std::vector<std::int32_t> visible, std::size_t behind, std::int32_t expansion_id) {
    lengths.push_back(static_cast<std::int32_t>(visible.size()));
    visible.resize(visible.size() + behind, expansion_id);
    ids.insert(ids.end(), visible.begin(), visible.end());
    offsets.push_back(static_cast<std::int32_t>(ids.size()));
  }
};

/// A golden case's graph, limited or as it is.
class Limited {
 public:
  Limited(const std::string& name, bool limit) {
    const Config config = Config::load(golden(name) / "config.json");
    ModelGraph built = find_architecture(config).build(config, Weights::open(golden(name)));
    if (limit) limit_keys(built, "config.json");
    built.graph.output("x", built.last_hidden_state);
    limits_.vocabulary_size = built.vocabulary_size;
    limits_.max_tokens = built.max_tokens;
    limits_.positions = built.positions;
    limits_.pad_token_id = built.pad_token_id;
    tokens_ = built.tokens;
    CompileOptions options;
    options.isa = isa_under_test();
    model_ = Model::compile(std::move(built.graph), options);
  }

  const TokenLimits& limits() const { return limits_; }

  /// Rows of all tokens.
  std::vector<float> run(const Sequences& sequences) const {
    std::vector<std::int32_t> positions;
    for (std::size_t s = 0; s + 1 < sequences.offsets.size(); ++s) {
      const auto begin = static_cast<std::size_t>(sequences.offsets[s]);
      const auto count = static_cast<std::size_t>(sequences.offsets[s + 1]) - begin;
      append_positions(limits_, std::span(sequences.ids).subspan(begin, count), 0, positions);
    }
    const std::vector<std::int32_t> types(sequences.ids.size(), 0);
    SessionLimits limits;
    limits.threads = 2;
    Session session(model_, limits, {"x"});
    const RaggedRows rows{tokens_, sequences.offsets};
    const Input inputs[]{{"input_ids", std::span<const std::int32_t>(sequences.ids)},
                         {"token_type_ids", std::span<const std::int32_t>(types)},
                         {"position_ids", std::span<const std::int32_t>(positions)},
                         {kKeyLengthsInput, std::span<const std::int32_t>(sequences.lengths)}};
    session.run({&rows, 1}, inputs);
    const Tensor x = session.output("x");
    std::vector<float> values;
    for (std::int64_t i = 0; i < x.rows; ++i) {
      values.insert(values.end(), x.f32(i), x.f32(i) + x.cols);
    }
    return values;
  }

 private:
  TokenLimits limits_;
  RowSpace tokens_;
  std::shared_ptr<const Model> model_;
};

std::vector<std::int32_t> some_ids(const TokenLimits& limits, std::size_t count, int seed) {
  std::vector<std::int32_t> ids;
  for (std::size_t i = 0; i < count; ++i) {
    ids.push_back(static_cast<std::int32_t>(
        (7 + 13 * static_cast<std::int64_t>(i) + seed) % (limits.vocabulary_size - 3) + 3));
  }
  return ids;
}

bool same(const float* a, const float* b, std::size_t values) {
  return std::memcmp(a, b, values * sizeof(float)) == 0;
}

}  // namespace

TEST_CASE("visible tokens have the bits that they have without tokens behind them") {
  std::set<std::string> refused;
  int compared = 0;
  for (const std::string& name : golden_cases({"ragged"})) {
    CAPTURE(name);
    if (name.starts_with("deberta-v2/")) {
      refused.insert(name);
      continue;
    }
    const Limited limited(name, true), plain(name, false);
    const TokenLimits& limits = limited.limits();
    const auto most = static_cast<std::size_t>(std::min<std::int64_t>(limits.max_tokens, 70));
    const std::vector<std::int32_t> long_text = some_ids(limits, most, 1);
    const std::vector<std::int32_t> text = some_ids(limits, (most + 1) / 2, 2);
    Sequences widened, alone, whole;
    widened.add(long_text, 0, 0);
    widened.add(text, most - text.size(), 5);
    alone.add(long_text, 0, 0);
    alone.add(text, 0, 0);
    const std::vector<float> with = limited.run(widened), without = plain.run(alone);
    CHECK(with.size() % widened.ids.size() == 0);
    const std::size_t values = without.size();
    CHECK(same(with.data(), without.data(), values));
    // Seen as a whole, and as nothing but what is visible, the widened sequences differ.
    const std::vector<float> unlimited = plain.run(widened);
    REQUIRE(unlimited.size() == with.size());
    if (most > 2) CHECK_FALSE(same(with.data(), unlimited.data(), with.size()));
    // A token behind looks at the visible ones and at nothing else: not at its neighbours.
    if (most - text.size() > 1 && limits.positions != PositionRule::kFromIds) {
      Sequences other;
      other.add(long_text, 0, 0);
      other.add(text, most - text.size(), 5);
      other.ids.back() = 6;
      const std::vector<float> changed = limited.run(other);
      const std::size_t row = with.size() / widened.ids.size();
      CHECK(same(with.data(), changed.data(), with.size() - row));
      CHECK_FALSE(
          same(with.data() + with.size() - row, changed.data() + changed.size() - row, row));
    }
    // Whole sequences: the same bits as a graph without lengths.
    whole.add(long_text, 0, 0);
    whole.add(text, 0, 0);
    CHECK(limited.run(whole) == plain.run(whole));
    ++compared;
  }
  CHECK(compared > 10);
  CHECK_FALSE(refused.empty());
  for (const std::string& name : refused) {
    CAPTURE(name);
    WEFT_CHECK_FAILS(Limited(name, true), "UNSUPPORTED", "config.json: query_expansion: tokens");
  }
}

}  // namespace weft::test
