#include "runtime/generation/generation_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <tuple>
#include <utility>

#include "runtime/files.h"
#include "weft/error.h"

namespace weft {
namespace {

constexpr std::int64_t kMostTokens = std::int64_t{1} << 24;  // of a result, of a list, n of n-grams
constexpr std::int64_t kMostBeams = 4096;
constexpr std::int64_t kDefaultNewTokens = 20;
constexpr std::int64_t kMostIds = std::numeric_limits<std::int32_t>::max();

// What would change the answer, and the value with which it does not. null and absence never do.
constexpr std::array kFlags = {"do_sample", "remove_invalid_values", "token_healing",
                               "is_assistant", "use_mtp"};  // false
struct NeutralNumber {
  const char* key;
  double value;
};
constexpr std::array kNumbers = {
    NeutralNumber{"num_return_sequences", 1},
    NeutralNumber{"num_beam_groups", 1},
    NeutralNumber{"diversity_penalty", 0},
    NeutralNumber{"penalty_alpha", 0},
    NeutralNumber{"guidance_scale", 1},
    NeutralNumber{"encoder_repetition_penalty", 1},
    NeutralNumber{"encoder_no_repeat_ngram_size", 0},
};
constexpr std::array kAbsent = {
    // null, an empty list or object
    "constraints",
    "force_words_ids",
    "suppress_tokens",
    "begin_suppress_tokens",
    "sequence_bias",
    "exponential_decay_length_penalty",
    "watermarking_config",
    "stop_strings",
    "max_time",
    "prompt_lookup_num_tokens",
    "assistant_early_exit",
    "dola_layers",
    "speculation_type",
};

bool is_empty(const Json& value) {
  return (value.is_array() && value.items().empty()) ||
         (value.is_object() && value.members().empty());
}

std::optional<Config> load_if_there(const std::filesystem::path& file) {
  if (!is_there(file)) return std::nullopt;
  return Config::load(file);
}

std::int32_t checked_token(const Config& file, std::string_view key, const Json& value,
                           std::int64_t vocabulary_size) {
  if (!value.is_integer() || value.as_integer() < 0 || value.as_integer() >= vocabulary_size) {
    file.invalid(key, fmt::format("expected a token in [0, {}), found {}", vocabulary_size,
                                  value.preview()));
  }
  return static_cast<std::int32_t>(value.as_integer());
}

std::vector<std::int32_t> checked_tokens(const Config& file, std::string_view key, const Json& list,
                                         std::int64_t vocabulary_size) {
  std::vector<std::int32_t> tokens;
  for (const Json& item : list.items()) {
    tokens.push_back(checked_token(file, key, item, vocabulary_size));
  }
  return tokens;
}

}  // namespace

GenerationFiles::GenerationFiles(std::optional<Config> generation, Config config)
    : generation_(std::move(generation)), config_(std::move(config)) {
  complete_ = generation_ &&
              (generation_->has("decoder_start_token_id") || generation_->has("bos_token_id"));
}

GenerationFiles GenerationFiles::load(const std::filesystem::path& directory) {
  return {load_if_there(directory / "generation_config.json"),
          Config::load(directory / "config.json")};
}

const Config& GenerationFiles::file_of(std::string_view key) const {
  return generation_ && (complete_ || generation_->object().find(key) != nullptr) ? *generation_
                                                                                  : config_;
}

double GenerationFiles::number_or(std::string_view key, double fallback) const {
  const Json* value = find(key);
  if (value == nullptr) return fallback;
  if (!value->is_number() || !std::isfinite(value->as_number())) {
    file_of(key).invalid(key, fmt::format("expected a number, found {}", value->preview()));
  }
  return value->as_number();
}

std::optional<std::int32_t> GenerationFiles::token(std::string_view key,
                                                   std::int64_t vocabulary_size) const {
  const Json* value = find(key);
  if (value == nullptr) return std::nullopt;
  return checked_token(file_of(key), key, *value, vocabulary_size);
}

std::vector<std::int32_t> GenerationFiles::tokens(std::string_view key,
                                                  std::int64_t vocabulary_size) const {
  const Json* value = find(key);
  if (value == nullptr) return {};
  const Config& file = file_of(key);
  if (value->is_array()) return checked_tokens(file, key, *value, vocabulary_size);
  return {checked_token(file, key, *value, vocabulary_size)};
}

std::vector<std::vector<std::int32_t>> GenerationFiles::bad_words(
    std::int64_t vocabulary_size) const {
  constexpr std::string_view kKey = "bad_words_ids";
  std::vector<std::vector<std::int32_t>> words;
  const Json* value = find(kKey);
  if (value == nullptr) return words;
  const Config& file = file_of(kKey);
  const auto refuse = [&](const Json& found) {
    file.invalid(kKey,
                 fmt::format("expected a list of lists of tokens, found {}", found.preview()));
  };
  if (!value->is_array()) refuse(*value);
  for (const Json& item : value->items()) {
    if (!item.is_array() || item.items().empty()) refuse(item);
    words.push_back(checked_tokens(file, kKey, item, vocabulary_size));
  }
  return words;
}

// The default is 20 new tokens, or what positions there are.
std::int64_t GenerationFiles::max_length() const {
  if (find("max_new_tokens") != nullptr) {
    return 1 + file_of("max_new_tokens").integer("max_new_tokens", 1, kMostTokens);
  }
  if (find("max_length") != nullptr) {
    return file_of("max_length").integer("max_length", 2, kMostTokens);
  }
  const std::int64_t positions =
      config_.integer_or("max_position_embeddings", kMostTokens, 1, kMostIds);
  return std::max<std::int64_t>(2, std::min(1 + kDefaultNewTokens, positions));
}

EarlyStopping GenerationFiles::early_stopping() const {
  constexpr std::string_view kKey = "early_stopping";
  const Json* value = find(kKey);
  if (value == nullptr) return EarlyStopping::kHeuristic;
  if (value->is_bool()) return value->as_bool() ? EarlyStopping::kFirst : EarlyStopping::kHeuristic;
  if (!value->is_string() || value->as_string() != "never") {
    file_of(kKey).invalid(
        kKey, fmt::format("expected true, false or \"never\", found {}", value->preview()));
  }
  return EarlyStopping::kNever;
}

ScoreRules GenerationFiles::rules(std::int64_t vocabulary_size) const {
  ScoreRules rules;
  rules.repetition_penalty = file_of("repetition_penalty").positive_or("repetition_penalty", 1.0);
  rules.no_repeat_ngram_size =
      file_of("no_repeat_ngram_size").integer_or("no_repeat_ngram_size", 0, 0, kMostTokens);
  rules.bad_words = bad_words(vocabulary_size);
  rules.min_length = find("min_new_tokens") != nullptr
                         ? 1 + file_of("min_new_tokens").integer("min_new_tokens", 0, kMostTokens)
                         : file_of("min_length").integer_or("min_length", 0, 0, kMostTokens);
  rules.forced_bos = token("forced_bos_token_id", vocabulary_size);
  // How older files of BART say it.
  constexpr std::string_view kForce = "force_bos_token_to_be_generated";
  if (!rules.forced_bos && file_of(kForce).flag_or(kForce, false)) {
    rules.forced_bos = token("bos_token_id", vocabulary_size);
  }
  rules.forced_eos = tokens("forced_eos_token_id", vocabulary_size);
  constexpr std::string_view kRenormalize = "renormalize_logits";
  if (file_of(kRenormalize).flag_or(kRenormalize, false)) rules.renormalize = Renormalize::kYes;
  return rules;
}

void GenerationFiles::refuse_unsupported() const {
  for (const char* key : kFlags) file_of(key).require(key, false);
  for (const auto& [key, neutral] : kNumbers) {
    if (number_or(key, neutral) != neutral) {
      file_of(key).unsupported(
          key, fmt::format("{} is not supported, only {}", find(key)->preview(), neutral));
    }
  }
  for (const char* key : kAbsent) {
    const Json* value = find(key);
    if (value == nullptr || is_empty(*value)) continue;
    file_of(key).unsupported(key, fmt::format("{} is not supported, only null", value->preview()));
  }
  constexpr std::string_view kCache = "cache_implementation";
  if (file_of(kCache).text_or(kCache, "") == "quantized") {
    file_of(kCache).unsupported(kCache, "\"quantized\" is not supported");
  }
}

GenerationConfig GenerationFiles::resolve(std::int64_t vocabulary_size,
                                          const GenerationOverrides& overrides) const {
  refuse_unsupported();
  GenerationConfig result;
  result.max_length = overrides.max_length ? *overrides.max_length : max_length();
  result.beams = overrides.beams ? *overrides.beams
                                 : file_of("num_beams").integer_or("num_beams", 1, 1, kMostBeams);
  for (const auto& [name, value, least, most] :
       {std::tuple("max_length", result.max_length, std::int64_t{2}, kMostTokens),
        std::tuple("beams", result.beams, std::int64_t{1}, kMostBeams)}) {
    if (value >= least && value <= most) continue;
    throw Error(
        Reason::kInvalidArgument,
        fmt::format("{}: expected an integer in [{}, {}], found {}", name, least, most, value));
  }
  result.length_penalty = number_or("length_penalty", 1.0);
  result.early_stopping = early_stopping();
  result.end_tokens = tokens("eos_token_id", vocabulary_size);
  const auto start = token("decoder_start_token_id", vocabulary_size);
  const auto begin = start ? start : token("bos_token_id", vocabulary_size);
  if (!begin) {
    file_of("decoder_start_token_id")
        .invalid("decoder_start_token_id",
                 "expected the token that a text starts with, found neither it nor bos_token_id");
  }
  result.start_token = *begin;
  // Padding is written, never looked up: it may lie beyond the vocabulary. Without an end token
  // nothing is padded.
  const auto pad = token("pad_token_id", kMostIds);
  result.pad_token = pad                         ? *pad
                     : result.end_tokens.empty() ? result.start_token
                                                 : result.end_tokens.front();
  result.rules = rules(vocabulary_size);
  return result;
}

}  // namespace weft
