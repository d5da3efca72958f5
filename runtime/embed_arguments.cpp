#include "runtime/embed_arguments.h"

#include <fmt/format.h>

#include <string_view>

#include "weft/error.h"

namespace weft {
namespace {

/// The names of a call and its checks on what embed() and logits() have in common.
class Checks {
 public:
  explicit Checks(std::string_view call) : call_(call) {}

  void require(bool holds, std::string_view what, std::int64_t expected, std::int64_t found) const {
    if (holds) return;
    throw Error(Reason::kInvalidArgument,
                fmt::format("[{}] {}: expected {}, found {}", call_, what, expected, found));
  }

  void sequences(std::span<const std::int32_t> ids, std::span<const std::int64_t> offsets,
                 std::span<const std::int32_t> type_ids, const TokenLimits& limits) const {
    require(!offsets.empty() && offsets[0] == 0, "first of offsets", 0,
            offsets.empty() ? -1 : offsets[0]);
    const auto count = static_cast<std::int64_t>(ids.size());
    for (std::size_t s = 0; s + 1 < offsets.size(); ++s) {
      const std::int64_t length = offsets[s + 1] - offsets[s];
      if (offsets[s + 1] <= offsets[s] || offsets[s + 1] > count) {
        throw Error(
            Reason::kInvalidArgument,
            fmt::format("[{}] offsets: expected to rise to {}, found {} after {} at index {}",
                        call_, count, offsets[s + 1], offsets[s], s + 1));
      }
      if (length > limits.max_tokens) {
        throw Error(Reason::kOutOfRange,
                    fmt::format("[{}] ids: expected at most {} tokens in a sequence, found {} in "
                                "sequence {}",
                                call_, limits.max_tokens, length, s));
      }
    }
    require(offsets.back() == count, "last of offsets (the number of ids)", count, offsets.back());
    const auto types = static_cast<std::int64_t>(type_ids.size());
    require(types == 0 || types == count, "type_ids", count, types);
    require_below("ids", ids, limits.vocabulary_size);
    // Tokenizers give token types whether the model has them or not.
    if (limits.type_vocabulary_size > 0) {
      require_below("type_ids", type_ids, limits.type_vocabulary_size);
    }
  }

  void tokens(std::span<const std::int64_t> wanted, std::size_t ids) const {
    std::int64_t before = -1;
    for (const std::int64_t token : wanted) {
      if (token <= before || token >= static_cast<std::int64_t>(ids)) {
        throw Error(Reason::kInvalidArgument,
                    fmt::format("[{}] tokens: expected to rise below {}, found {} after {}", call_,
                                ids, token, before));
      }
      before = token;
    }
  }

  void key_lengths(std::span<const std::int32_t> lengths,
                   std::span<const std::int64_t> offsets) const {
    if (lengths.empty()) return;
    const auto sequences = static_cast<std::int64_t>(offsets.size()) - 1;
    require(static_cast<std::int64_t>(lengths.size()) == sequences, "key_lengths", sequences,
            static_cast<std::int64_t>(lengths.size()));
    for (std::size_t s = 0; s < lengths.size(); ++s) {
      const std::int64_t length = offsets[s + 1] - offsets[s];
      if (lengths[s] >= 0 && lengths[s] <= length) continue;
      throw Error(
          Reason::kOutOfRange,
          fmt::format("[{}] key_lengths: expected 0 to {}, the tokens of sequence {}, found "
                      "{}",
                      call_, length, s, lengths[s]));
    }
  }

 private:
  void require_below(std::string_view name, std::span<const std::int32_t> values,
                     std::int64_t limit) const {
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (values[i] >= 0 && values[i] < limit) continue;
      throw Error(Reason::kOutOfRange,
                  fmt::format("[{}] {}: expected ids from 0 to {}, found {} at index {}", call_,
                              name, limit - 1, values[i], i));
    }
  }

  std::string_view call_;
};

}  // namespace

void check_embed_arguments(std::span<const std::int32_t> ids, std::span<const std::int64_t> offsets,
                           std::span<float> out, const EmbedOptions& options,
                           const TokenLimits& limits, std::int64_t embedding_size) {
  const Checks checks("embed");
  checks.sequences(ids, offsets, options.type_ids, limits);
  const auto sequences = static_cast<std::int64_t>(offsets.size()) - 1;
  checks.require(static_cast<std::int64_t>(out.size()) == sequences * embedding_size,
                 "floats in out", sequences * embedding_size,
                 static_cast<std::int64_t>(out.size()));
  const auto skips = static_cast<std::int64_t>(options.skip.size());
  checks.require(skips == 0 || skips == sequences, "skip", sequences, skips);
}

void check_logits_arguments(std::span<const std::int32_t> ids,
                            std::span<const std::int64_t> offsets, const LogitsOptions& options,
                            const TokenLimits& limits, HeadKind kind) {
  const Checks checks("logits");
  checks.sequences(ids, offsets, options.type_ids, limits);
  checks.tokens(options.tokens, ids.size());
  checks.require(options.tokens.empty() || kind != HeadKind::kSequence,
                 "tokens (the head scores sequences)", 0,
                 static_cast<std::int64_t>(options.tokens.size()));
}

void check_token_vector_arguments(std::span<const std::int32_t> ids,
                                  std::span<const std::int64_t> offsets,
                                  const TokenVectorOptions& options, const TokenLimits& limits) {
  const Checks checks("token_vectors");
  checks.sequences(ids, offsets, options.type_ids, limits);
  checks.tokens(options.tokens, ids.size());
  checks.key_lengths(options.key_lengths, offsets);
}

}  // namespace weft
