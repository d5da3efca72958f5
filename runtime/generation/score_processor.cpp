#include "runtime/generation/score_processor.h"

#include <algorithm>
#include <limits>

namespace weft {
namespace {

constexpr float kImpossible = -std::numeric_limits<float>::infinity();

void force(std::span<const std::int32_t> tokens, std::span<float> scores) {
  std::fill(scores.begin(), scores.end(), kImpossible);
  for (const std::int32_t token : tokens) scores[static_cast<std::size_t>(token)] = 0;
}

}  // namespace

ScoreProcessor::ScoreProcessor(const GenerationConfig& config, const RowScores& row_scores,
                               std::int64_t vocabulary_size)
    : config_(config), rules_(config.rules), row_scores_(row_scores) {
  if (rules_.repetition_penalty != 1) seen_.resize(static_cast<std::size_t>(vocabulary_size));
}

bool ScoreProcessor::bans_end(std::int64_t length) const { return length < rules_.min_length; }

bool ScoreProcessor::forces_bos(std::int64_t length) const {
  return rules_.forced_bos && length == 1;
}

bool ScoreProcessor::forces_eos(std::int64_t length) const {
  return !rules_.forced_eos.empty() && length == config_.max_length - 1;
}

bool ScoreProcessor::active(std::int64_t length) const {
  // What is normalised again stays the same in a greedy search, and log-probabilities do unless
  // another rule has changed them.
  return rules_.repetition_penalty != 1 || rules_.no_repeat_ngram_size > 0 ||
         !rules_.bad_words.empty() || bans_end(length) || forces_bos(length) || forces_eos(length);
}

void ScoreProcessor::apply(std::span<const std::int32_t> tokens, std::span<float> scores) {
  const auto length = static_cast<std::int64_t>(tokens.size());
  if (rules_.repetition_penalty != 1) penalize_repetition(tokens, scores);
  if (rules_.no_repeat_ngram_size > 0) ban_repeated_ngrams(tokens, scores);
  ban_bad_words(tokens, scores);
  if (bans_end(length)) {
    for (const std::int32_t token : config_.end_tokens) {
      scores[static_cast<std::size_t>(token)] = kImpossible;
    }
  }
  if (forces_bos(length)) force({&*rules_.forced_bos, 1}, scores);
  if (forces_eos(length)) force(rules_.forced_eos, scores);
  if (rules_.renormalize == Renormalize::kYes && config_.beams > 1) {
    row_scores_.log_softmax(scores, scores);
  }
}

// Each token once, however often the text has it.
void ScoreProcessor::penalize_repetition(std::span<const std::int32_t> tokens,
                                         std::span<float> scores) {
  const auto penalty = static_cast<float>(rules_.repetition_penalty);
  for (const std::int32_t token : tokens) {
    const auto column = static_cast<std::size_t>(token);
    if (column >= seen_.size() || seen_[column]) continue;
    seen_[column] = true;
    scores[column] = scores[column] < 0 ? scores[column] * penalty : scores[column] / penalty;
  }
  for (const std::int32_t token : tokens) {
    const auto column = static_cast<std::size_t>(token);
    if (column < seen_.size()) seen_[column] = false;
  }
}

// What followed earlier where the last n - 1 tokens stand now.
void ScoreProcessor::ban_repeated_ngrams(std::span<const std::int32_t> tokens,
                                         std::span<float> scores) const {
  const auto n = static_cast<std::size_t>(rules_.no_repeat_ngram_size);
  if (tokens.size() < n) return;
  const auto suffix = tokens.last(n - 1);
  for (std::size_t i = 0; i + n <= tokens.size(); ++i) {
    if (!std::equal(suffix.begin(), suffix.end(),
                    tokens.begin() + static_cast<std::ptrdiff_t>(i))) {
      continue;
    }
    const auto next = static_cast<std::size_t>(tokens[i + n - 1]);
    if (next < scores.size()) scores[next] = kImpossible;
  }
}

void ScoreProcessor::ban_bad_words(std::span<const std::int32_t> tokens,
                                   std::span<float> scores) const {
  for (const std::vector<std::int32_t>& word : rules_.bad_words) {
    const std::size_t before = word.size() - 1;
    if (before > tokens.size()) continue;
    const auto suffix = tokens.last(before);
    if (!std::equal(suffix.begin(), suffix.end(), word.begin())) continue;
    // An end token alone may not be banned.
    if (before == 0 && std::find(config_.end_tokens.begin(), config_.end_tokens.end(), word[0]) !=
                           config_.end_tokens.end()) {
      continue;
    }
    scores[static_cast<std::size_t>(word.back())] = kImpossible;
  }
}

}  // namespace weft
