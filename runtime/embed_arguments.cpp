#include "runtime/embed_arguments.h"

#include <fmt/format.h>

#include <string_view>

#include "weft/error.h"

namespace weft {

void check_embed_arguments(std::span<const std::int32_t> ids, std::span<const std::int64_t> offsets,
                           std::span<float> out, const EmbedOptions& options,
                           const TokenLimits& limits, std::int64_t embedding_size) {
  const auto require = [](bool holds, std::string_view what, std::int64_t expected,
                          std::int64_t found) {
    if (holds) return;
    throw Error(Reason::kInvalidArgument,
                fmt::format("[embed] {}: expected {}, found {}", what, expected, found));
  };
  require(!offsets.empty() && offsets[0] == 0, "first of offsets", 0,
          offsets.empty() ? -1 : offsets[0]);
  const auto sequences = static_cast<std::int64_t>(offsets.size()) - 1;
  const auto count = static_cast<std::int64_t>(ids.size());
  for (std::int64_t s = 0; s < sequences; ++s) {
    const std::int64_t length = offsets[s + 1] - offsets[s];
    if (offsets[s + 1] <= offsets[s] || offsets[s + 1] > count) {
      throw Error(
          Reason::kInvalidArgument,
          fmt::format("[embed] offsets: expected to rise to {}, found {} after {} at index {}",
                      count, offsets[s + 1], offsets[s], s + 1));
    }
    if (length > limits.max_tokens) {
      throw Error(Reason::kOutOfRange,
                  fmt::format("[embed] ids: expected at most {} tokens in a sequence, found {} in "
                              "sequence {}",
                              limits.max_tokens, length, s));
    }
  }
  require(offsets.back() == count, "last of offsets (the number of ids)", count, offsets.back());
  require(static_cast<std::int64_t>(out.size()) == sequences * embedding_size, "floats in out",
          sequences * embedding_size, static_cast<std::int64_t>(out.size()));
  const auto type_ids = static_cast<std::int64_t>(options.type_ids.size());
  require(type_ids == 0 || type_ids == count, "type_ids", count, type_ids);
  const auto skips = static_cast<std::int64_t>(options.skip.size());
  require(skips == 0 || skips == sequences, "skip", sequences, skips);
  const auto require_below = [](std::string_view name, std::span<const std::int32_t> values,
                                std::int64_t limit) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (values[i] >= 0 && values[i] < limit) continue;
      throw Error(Reason::kOutOfRange,
                  fmt::format("[embed] {}: expected ids from 0 to {}, found {} at index {}", name,
                              limit - 1, values[i], i));
    }
  };
  require_below("ids", ids, limits.vocabulary_size);
  // Tokenizers give token types whether the model has them or not.
  if (limits.type_vocabulary_size > 0) {
    require_below("type_ids", options.type_ids, limits.type_vocabulary_size);
  }
}

}  // namespace weft
