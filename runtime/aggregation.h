// From scored tokens to labelled spans, as transformers' token-classification pipeline has it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "weft/token_classifier.h"

namespace weft {

enum class WordPart : std::uint8_t { kBegin, kContinuation };

/// A token of a text and its probabilities by label.
struct ScoredToken {
  Entity place;  // its range and index; label and score are not read
  WordPart part = WordPart::kBegin;
  std::vector<double> scores;
};

/// Spans in the order of the text; those labelled "O" are left out.
std::vector<Entity> aggregate(std::span<const ScoredToken> tokens,
                              const std::vector<std::string>& labels, Aggregation aggregation);

}  // namespace weft
