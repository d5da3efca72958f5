#include "runtime/generation/search.h"

#include <fmt/format.h>

#include <algorithm>

#include "runtime/generation/search_parts.h"
#include "weft/error.h"

namespace weft {

bool SearchCall::is_end(std::int32_t token) const {
  return std::find(config.end_tokens.begin(), config.end_tokens.end(), token) !=
         config.end_tokens.end();
}

void SearchCall::require_step(std::int64_t length, std::int32_t source) const {
  if (length <= decoder.max_steps()) return;
  throw Error(Reason::kOutOfRange,
              fmt::format("max_length: source {}: the model writes at most {} tokens, found no end "
                          "of the text before max_length {}",
                          first_source + source, decoder.max_steps() + 1, config.max_length));
}

void SearchCall::refuse_scores(std::int64_t length, std::int32_t source) const {
  throw Error(Reason::kInvalidArgument,
              fmt::format("source {}: expected finite scores of token {}, found NaN or infinity",
                          first_source + source, length));
}

GeneratedTokens search(StepDecoder& decoder, const GenerationConfig& config, Isa isa,
                       const StopCondition& stop, std::int64_t first_source) {
  GeneratedTokens result;
  result.max_length = config.max_length;
  const std::int64_t sources = decoder.sources();
  result.tokens.assign(static_cast<std::size_t>(sources * config.max_length), config.pad_token);
  result.lengths.assign(static_cast<std::size_t>(sources), 1);
  for (std::int64_t source = 0; source < sources; ++source) {
    result.tokens[static_cast<std::size_t>(source * config.max_length)] = config.start_token;
  }
  if (sources == 0) return result;
  const RowScores row_scores(isa);
  const SearchCall call{decoder, config, row_scores, stop, first_source};
  if (config.beams == 1) {
    greedy_search(call, result);
  } else {
    beam_search(call, result);
  }
  return result;
}

}  // namespace weft
