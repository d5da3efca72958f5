#include <algorithm>
#include <vector>

#include "runtime/generation/search_parts.h"

namespace weft {

void greedy_search(const SearchCall& call, GeneratedTokens& result) {
  const auto vocabulary = static_cast<std::size_t>(call.decoder.vocabulary_size());
  ScoreProcessor processor(call.config, call.row_scores, call.decoder.vocabulary_size());
  std::vector<float> processed(vocabulary);
  std::vector<HypothesisStep> rows;
  for (std::int32_t source = 0; source < call.decoder.sources(); ++source) {
    rows.push_back({source, -1, call.config.start_token});
  }
  for (std::int64_t length = 1; length < call.config.max_length && !rows.empty(); ++length) {
    call.require_step(length, rows.front().source);
    const Tensor logits = call.decoder.step(rows, call.stop);
    const bool process = processor.active(length);
    std::size_t going_on = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const std::int32_t source = rows[i].source;
      std::span<const float> scores(logits.f32(static_cast<std::int64_t>(i)), vocabulary);
      if (process) {
        std::copy(scores.begin(), scores.end(), processed.begin());
        processor.apply(result.row(source), processed);
        scores = processed;
      }
      const std::int64_t best = call.row_scores.argmax(scores);
      if (best < 0) call.refuse_scores(length, source);
      const auto token = static_cast<std::int32_t>(best);
      result.tokens[static_cast<std::size_t>(source * result.max_length + length)] = token;
      result.lengths[source] = length + 1;
      if (!call.is_end(token)) {
        rows[going_on++] = {source, static_cast<std::int32_t>(i), token};
      }
    }
    rows.resize(going_on);
  }
}

}  // namespace weft
