// The hypotheses of one source in a beam search: those that go on and those that have ended.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "ops/row_scores.h"
#include "runtime/generation/generation_config.h"

namespace weft {

/// As many hypotheses as there are beams, best first once filled. All memory is taken at once.
class Hypotheses {
 public:
  Hypotheses(std::int64_t beams, std::int64_t max_length);

  /// Of hypothesis i, `length` tokens.
  std::span<const std::int32_t> tokens(std::int64_t i, std::int64_t length) const {
    return {row(i), static_cast<std::size_t>(length)};
  }
  /// Makes hypothesis i the first `length` tokens of `from`, then `last`.
  void set(std::int64_t i, std::span<const std::int32_t> from, std::int32_t last, float score);
  /// Makes hypothesis i a copy of one of `other`.
  void copy(std::int64_t i, const Hypotheses& other, std::int64_t from);

  std::vector<float> scores;
  std::vector<std::int64_t> lengths;
  std::vector<char> ended;

 private:
  const std::int32_t* row(std::int64_t i) const { return tokens_.data() + i * max_length_; }

  std::int64_t max_length_;
  std::vector<std::int32_t> tokens_;  // (beams, max_length)
};

/// One source. Scores are f32 sums, with -1e9 for what may not be chosen, in the order in which
/// transformers adds them.
class SourceBeams {
 public:
  explicit SourceBeams(const GenerationConfig& config);

  /// Elements of the score rows that a step has to offer: enough that hypotheses go on even if
  /// every beam offers each end token.
  static std::int64_t candidates(const GenerationConfig& config);

  std::span<const std::int32_t> running_tokens(std::int64_t beam, std::int64_t length) const {
    return running_.tokens(beam, length);
  }
  float running_score(std::int64_t beam) const { return running_.scores[beam]; }
  /// The beam of the step before that a running one continues.
  std::int32_t parent(std::int64_t beam) const { return parents_[beam]; }

  /// Texts of `length` tokens get one more: `best` are candidates() elements of the beams' rows,
  /// best first. Returns whether the source goes on.
  enum class Next : std::uint8_t { kGoOn, kDone };
  Next advance(std::span<const ScoredColumn> best, std::int64_t length);

  /// The tokens of the result.
  std::span<const std::int32_t> best() const { return ended_.tokens(0, ended_.lengths[0]); }

 private:
  struct Ranked {
    float score = 0;
    std::int64_t index = 0;
  };
  /// The `beams` best of ranked_, of equals the first.
  std::span<const Ranked> leading();
  bool ends(const ScoredColumn& candidate, std::int64_t length) const;
  bool all_ended() const;
  void choose_running(std::span<const ScoredColumn> best, std::int64_t length);
  void collect_ended(std::span<const ScoredColumn> best, std::int64_t length);
  bool can_improve(std::int64_t length) const;

  const GenerationConfig* config_;  // a pointer, so that sources may be moved
  Hypotheses running_, ended_, next_;
  std::vector<std::int32_t> parents_;
  std::vector<Ranked> ranked_;
};

}  // namespace weft
