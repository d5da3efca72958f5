#include "runtime/generation/beams.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace weft {
namespace {

// What stands for "not to be chosen". A sum with it in f32 keeps nothing of an ordinary score.
constexpr float kOut = -1e9f;

float length_divisor(std::int64_t new_tokens, double length_penalty) {
  return static_cast<float>(std::pow(static_cast<double>(new_tokens), length_penalty));
}

}  // namespace

Hypotheses::Hypotheses(std::int64_t beams, std::int64_t max_length)
    : scores(static_cast<std::size_t>(beams), kOut),
      lengths(static_cast<std::size_t>(beams), 1),
      ended(static_cast<std::size_t>(beams), 0),
      max_length_(max_length),
      tokens_(static_cast<std::size_t>(beams * max_length)) {}

void Hypotheses::set(std::int64_t i, std::span<const std::int32_t> from, std::int32_t last,
                     float score) {
  std::int32_t* to = tokens_.data() + i * max_length_;
  *std::copy(from.begin(), from.end(), to) = last;
  lengths[i] = static_cast<std::int64_t>(from.size()) + 1;
  scores[i] = score;
}

void Hypotheses::copy(std::int64_t i, const Hypotheses& other, std::int64_t from) {
  lengths[i] = other.lengths[from];
  scores[i] = other.scores[from];
  ended[i] = other.ended[from];
  std::copy_n(other.row(from), lengths[i], tokens_.data() + i * max_length_);
}

SourceBeams::SourceBeams(const GenerationConfig& config)
    : config_(&config),
      running_(config.beams, config.max_length),
      ended_(config.beams, config.max_length),
      next_(config.beams, config.max_length),
      parents_(static_cast<std::size_t>(config.beams), 0) {
  ranked_.reserve(static_cast<std::size_t>(config.beams + candidates(config)));
  // All beams are the same at first: only one of them counts.
  for (std::int64_t beam = 0; beam < config.beams; ++beam) {
    running_.set(beam, {}, config.start_token, beam == 0 ? 0 : kOut);
    ended_.set(beam, {}, config.start_token, kOut);
  }
}

std::int64_t SourceBeams::candidates(const GenerationConfig& config) {
  const auto end_tokens = static_cast<std::int64_t>(config.end_tokens.size());
  return std::max<std::int64_t>(2, 1 + end_tokens) * config.beams;
}

bool SourceBeams::ends(const ScoredColumn& candidate, std::int64_t length) const {
  return length + 1 >= config_->max_length ||
         std::find(config_->end_tokens.begin(), config_->end_tokens.end(), candidate.column) !=
             config_->end_tokens.end();
}

bool SourceBeams::all_ended() const {
  return std::find(ended_.ended.begin(), ended_.ended.end(), 0) == ended_.ended.end();
}

std::span<const SourceBeams::Ranked> SourceBeams::leading() {
  const auto middle =
      ranked_.begin() +
      std::min<std::ptrdiff_t>(config_->beams, static_cast<std::ptrdiff_t>(ranked_.size()));
  std::partial_sort(ranked_.begin(), middle, ranked_.end(), [](const Ranked& a, const Ranked& b) {
    return a.score != b.score ? a.score > b.score : a.index < b.index;
  });
  return {ranked_.begin(), middle};
}

SourceBeams::Next SourceBeams::advance(std::span<const ScoredColumn> best, std::int64_t length) {
  collect_ended(best, length);
  if (length + 1 >= config_->max_length) return Next::kDone;
  choose_running(best, length);
  if (config_->early_stopping == EarlyStopping::kFirst && all_ended()) return Next::kDone;
  return can_improve(length + 1) ? Next::kGoOn : Next::kDone;
}

// The best of the ended hypotheses and of those candidates that have just ended; a candidate counts
// only if it is among the first `beams`, the others being there so that enough hypotheses go on.
void SourceBeams::collect_ended(std::span<const ScoredColumn> best, std::int64_t length) {
  const float divisor = length_divisor(length, config_->length_penalty);
  ranked_.clear();
  for (std::int64_t i = 0; i < config_->beams; ++i) ranked_.push_back({ended_.scores[i], i});
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(best.size()); ++i) {
    const bool counts = i < config_->beams && ends(best[i], length);
    const float score = best[i].score / divisor;
    ranked_.push_back({counts ? score : score + kOut, config_->beams + i});
  }
  const auto chosen = leading();
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    const auto to = static_cast<std::int64_t>(i);
    const std::int64_t candidate = chosen[i].index - config_->beams;
    if (candidate < 0) {
      next_.copy(to, ended_, chosen[i].index);
      continue;
    }
    const ScoredColumn& from = best[candidate];
    next_.set(to, running_.tokens(from.row, length), from.column, chosen[i].score);
    next_.ended[to] = candidate < config_->beams && ends(from, length);
  }
  std::swap(ended_, next_);
}

void SourceBeams::choose_running(std::span<const ScoredColumn> best, std::int64_t length) {
  ranked_.clear();
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(best.size()); ++i) {
    ranked_.push_back({ends(best[i], length) ? best[i].score + kOut : best[i].score, i});
  }
  const auto chosen = leading();
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    const ScoredColumn& from = best[chosen[i].index];
    next_.set(static_cast<std::int64_t>(i), running_.tokens(from.row, length), from.column,
              chosen[i].score);
    parents_[i] = from.row;
  }
  std::swap(running_, next_);
}

// Whether the best running hypothesis may still come before the worst ended one, at the length that
// favours it most as far as early_stopping cares.
bool SourceBeams::can_improve(std::int64_t length) const {
  const bool longest =
      config_->early_stopping == EarlyStopping::kNever && config_->length_penalty > 0;
  const float divisor =
      length_divisor((longest ? config_->max_length : length) - 1, config_->length_penalty);
  const float worst =
      all_ended() ? *std::min_element(ended_.scores.begin(), ended_.scores.end()) : kOut;
  return running_.scores[0] / divisor > worst;
}

}  // namespace weft
