// How texts are generated: generation_config.json, else config.json, with what the caller asked for
// over both. The names and defaults are those of transformers.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "runtime/config.h"

namespace weft {

enum class EarlyStopping : std::uint8_t {
  kHeuristic,  // false: stop when better hypotheses are unlikely
  kFirst,      // true: stop once there are as many finished hypotheses as beams
  kNever,      // "never": stop when there can be no better ones
};

enum class Renormalize : std::uint8_t { kNo, kYes };

/// What is done to the scores of next tokens, in this order.
struct ScoreRules {
  double repetition_penalty = 1;
  std::int64_t no_repeat_ngram_size = 0;  // 0: none
  std::vector<std::vector<std::int32_t>> bad_words;
  std::int64_t min_length = 0;             // tokens before an end token, the start token included
  std::optional<std::int32_t> forced_bos;  // the second token
  std::vector<std::int32_t> forced_eos;    // the last one that max_length leaves room for
  Renormalize renormalize = Renormalize::kNo;
};

struct GenerationConfig {
  std::int64_t max_length = 0;  // tokens of a result, the start token included; >= 2
  std::int64_t beams = 1;       // 1: greedy
  double length_penalty = 1;
  EarlyStopping early_stopping = EarlyStopping::kHeuristic;
  std::int32_t start_token = 0;
  std::int32_t pad_token = 0;
  std::vector<std::int32_t> end_tokens;  // none: only max_length ends a text
  ScoreRules rules;
};

/// What flags say; they win over files.
struct GenerationOverrides {
  std::optional<std::int64_t> max_length = {};
  std::optional<std::int64_t> beams = {};
};

class GenerationFiles {
 public:
  /// `config` is config.json. A generation_config.json that names a start token
  /// (decoder_start_token_id or bos_token_id) counts alone, as in transformers; what another one
  /// lacks is looked for in config.json. `generation`: none if there is no such file.
  GenerationFiles(std::optional<Config> generation, Config config);
  /// DIR/generation_config.json, if there is one, and DIR/config.json.
  static GenerationFiles load(const std::filesystem::path& directory);

  /// `vocabulary_size`: columns of the scores. Throws Error(kInvalidArgument) naming file and key
  /// for a value of the wrong type or range, Error(kUnsupported) for whatever else there changes
  /// the answer (sampling, groups of beams, constraints, ...).
  GenerationConfig resolve(std::int64_t vocabulary_size,
                           const GenerationOverrides& overrides = {}) const;

 private:
  /// The file that has the key; config.json if none has.
  const Config& file_of(std::string_view key) const;
  const Json* find(std::string_view key) const { return file_of(key).find(key); }
  double number_or(std::string_view key, double fallback) const;
  std::optional<std::int32_t> token(std::string_view key, std::int64_t vocabulary_size) const;
  /// A number or a list of them; empty if absent.
  std::vector<std::int32_t> tokens(std::string_view key, std::int64_t vocabulary_size) const;
  std::vector<std::vector<std::int32_t>> bad_words(std::int64_t vocabulary_size) const;
  std::int64_t max_length() const;
  EarlyStopping early_stopping() const;
  ScoreRules rules(std::int64_t vocabulary_size) const;
  void refuse_unsupported() const;

  std::optional<Config> generation_;
  Config config_;
  bool complete_ = false;  // generation_ counts alone
};

}  // namespace weft
