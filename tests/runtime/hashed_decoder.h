// A model whose scores are a hash of the source and of every token before: what a search finds
// depends on each choice it made. scripts/make_search_goldens.py has the same formulas.
#pragma once

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <vector>

#include "runtime/generation/step_decoder.h"

namespace weft::test {

struct HashedScores {
  std::int64_t vocabulary = 0;
  std::uint64_t seed = 0;
  float spread = 0, tilt = 0;
  std::vector<std::int32_t> end_tokens;  // whose scores grow by `tilt` with every token
};

class HashedDecoder final : public StepDecoder {
 public:
  HashedDecoder(HashedScores scores, std::vector<std::uint64_t> sources, std::int64_t max_steps)
      : scores_(std::move(scores)), sources_(std::move(sources)), max_steps_(max_steps) {}

  std::int64_t sources() const override { return static_cast<std::int64_t>(sources_.size()); }
  std::int64_t vocabulary_size() const override { return scores_.vocabulary; }
  std::int64_t max_steps() const override { return max_steps_; }

  Tensor step(std::span<const HypothesisStep> rows, const StopCondition& = {}) override {
    REQUIRE_FALSE(rows.empty());
    ++steps_;
    REQUIRE(steps_ <= max_steps_);
    rows_ += static_cast<std::int64_t>(rows.size());
    std::vector<std::uint64_t> states;
    std::vector<std::int32_t> of_source;
    logits_.clear();
    for (const HypothesisStep& row : rows) {
      REQUIRE(row.source >= (of_source.empty() ? 0 : of_source.back()));
      REQUIRE(row.source < sources());
      REQUIRE(row.token >= 0);
      REQUIRE(row.token < scores_.vocabulary);
      REQUIRE((row.parent == -1) == (steps_ == 1));
      std::uint64_t before = 0;
      if (row.parent == -1) {
        before = mix(scores_.seed + sources_[static_cast<std::size_t>(row.source)]);
      } else {
        REQUIRE(row.parent < static_cast<std::int32_t>(states_.size()));
        REQUIRE(of_source_[static_cast<std::size_t>(row.parent)] == row.source);
        before = states_[static_cast<std::size_t>(row.parent)];
      }
      states.push_back(mix(before + static_cast<std::uint64_t>(row.token)));
      of_source.push_back(row.source);
      append_scores(states.back());
    }
    states_ = states;
    of_source_ = of_source;
    return {logits_.data(), static_cast<std::int64_t>(rows.size()), scores_.vocabulary,
            scores_.vocabulary, DType::kF32};
  }

  std::int64_t steps() const { return steps_; }
  std::int64_t rows() const { return rows_; }  // over all steps
  /// Makes the score of `token` what is given, in every row.
  void plant(std::int32_t token, float value) {
    planted_token_ = token;
    planted_ = value;
  }

 private:
  static std::uint64_t mix(std::uint64_t x) {
    x += 0x9E3779B97F4A7C15u;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
  }

  void append_scores(std::uint64_t state) {
    const std::size_t begin = logits_.size();
    for (std::int64_t v = 0; v < scores_.vocabulary; ++v) {
      const std::uint64_t high = mix(state + (static_cast<std::uint64_t>(v + 1) << 32)) >> 40;
      const float x = static_cast<float>(high) * 0x1p-24f;
      logits_.push_back(x * x * scores_.spread);
    }
    for (const std::int32_t end : scores_.end_tokens) {
      logits_[begin + static_cast<std::size_t>(end)] += scores_.tilt * static_cast<float>(steps_);
    }
    if (planted_token_ >= 0) logits_[begin + static_cast<std::size_t>(planted_token_)] = planted_;
  }

  HashedScores scores_;
  std::vector<std::uint64_t> sources_;
  std::int64_t max_steps_;
  std::int64_t steps_ = 0, rows_ = 0;
  std::vector<std::uint64_t> states_;
  std::vector<std::int32_t> of_source_;
  std::vector<float> logits_;
  std::int32_t planted_token_ = -1;
  float planted_ = 0;
};

}  // namespace weft::test
