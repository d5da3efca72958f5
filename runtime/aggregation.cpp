#include "runtime/aggregation.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>

namespace weft {
namespace {

constexpr std::string_view kOutside = "O";

// A token or a word with the one label that was chosen for it.
struct Labelled {
  Entity place;
  std::size_t label = 0;
  double score = 0;
};

std::size_t best(std::span<const double> scores) {
  return static_cast<std::size_t>(std::max_element(scores.begin(), scores.end()) - scores.begin());
}

Labelled label_token(const ScoredToken& token) {
  const std::size_t label = best(token.scores);
  return {token.place, label, token.scores[label]};
}

std::vector<double> mean_scores(std::span<const ScoredToken> word) {
  std::vector<double> mean(word.front().scores.size(), 0);
  for (const ScoredToken& token : word) {
    for (std::size_t i = 0; i < mean.size(); ++i) mean[i] += token.scores[i];
  }
  for (double& value : mean) value /= static_cast<double>(word.size());
  return mean;
}

Labelled label_word(std::span<const ScoredToken> word, Aggregation aggregation) {
  Labelled result = label_token(word.front());
  if (aggregation == Aggregation::kMax) {
    for (const ScoredToken& token : word.subspan(1)) {
      const Labelled other = label_token(token);
      if (other.score > result.score) result = other;
    }
  } else if (aggregation == Aggregation::kAverage) {
    const std::vector<double> mean = mean_scores(word);
    result.label = best(mean);
    result.score = mean[result.label];
  }
  result.place = word.front().place;
  result.place.end = word.back().place.end;
  result.place.byte_end = word.back().place.byte_end;
  return result;
}

std::vector<Labelled> label_words(std::span<const ScoredToken> tokens, Aggregation aggregation) {
  std::vector<Labelled> words;
  for (std::size_t first = 0, last = 0; first < tokens.size(); first = last) {
    last = first + 1;
    while (last < tokens.size() && tokens[last].part == WordPart::kContinuation) ++last;
    words.push_back(label_word(tokens.subspan(first, last - first), aggregation));
  }
  return words;
}

enum class Mark : std::uint8_t { kBegin, kInside };

// A label without "B-" or "I-" counts as inside.
std::pair<Mark, std::string_view> split_label(std::string_view label) {
  if (label.starts_with("B-")) return {Mark::kBegin, label.substr(2)};
  if (label.starts_with("I-")) return {Mark::kInside, label.substr(2)};
  return {Mark::kInside, label};
}

// What a group is called: all behind the label's first '-'.
std::string group_name(std::string_view label) {
  const std::size_t dash = label.find('-');
  return std::string(dash == std::string_view::npos ? label : label.substr(dash + 1));
}

Entity to_entity(const Labelled& labelled, std::string label, double score) {
  Entity entity = labelled.place;
  entity.label = std::move(label);
  entity.score = static_cast<float>(score);
  return entity;
}

}  // namespace

std::vector<Entity> aggregate(std::span<const ScoredToken> tokens,
                              const std::vector<std::string>& labels, Aggregation aggregation) {
  std::vector<Labelled> parts;
  if (aggregation == Aggregation::kNone || aggregation == Aggregation::kSimple) {
    for (const ScoredToken& token : tokens) parts.push_back(label_token(token));
  } else {
    parts = label_words(tokens, aggregation);
  }
  std::vector<Entity> entities;
  const auto keep = [&](Entity entity) {
    if (entity.label != kOutside) entities.push_back(std::move(entity));
  };
  if (aggregation == Aggregation::kNone) {
    for (const Labelled& part : parts) keep(to_entity(part, labels[part.label], part.score));
    return entities;
  }
  for (std::size_t first = 0, last = 0; first < parts.size(); first = last) {
    double sum = parts[first].score;
    last = first + 1;
    for (; last < parts.size(); ++last) {
      const auto [mark, tag] = split_label(labels[parts[last].label]);
      if (mark == Mark::kBegin || tag != split_label(labels[parts[last - 1].label]).second) break;
      sum += parts[last].score;
    }
    Labelled group = parts[first];
    group.place.end = parts[last - 1].place.end;
    group.place.byte_end = parts[last - 1].place.byte_end;
    keep(
        to_entity(group, group_name(labels[group.label]), sum / static_cast<double>(last - first)));
  }
  return entities;
}

const char* to_string(Aggregation aggregation) noexcept {
  switch (aggregation) {
    case Aggregation::kNone: return "none";
    case Aggregation::kSimple: return "simple";
    case Aggregation::kFirst: return "first";
    case Aggregation::kAverage: return "average";
    case Aggregation::kMax: return "max";
  }
  return "unknown";
}

}  // namespace weft
