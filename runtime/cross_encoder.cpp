// As sentence_transformers' CrossEncoder: pairs, tokens, logits, activation.
#include "weft/cross_encoder.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "runtime/config.h"
#include "runtime/files.h"
#include "runtime/scores.h"
#include "runtime/text_model.h"
#include "runtime/utf8.h"
#include "weft/error.h"

namespace weft {
namespace {

enum class ScoreActivation : std::uint8_t { kIdentity, kSigmoid, kTanh, kRelu };

constexpr std::array<std::pair<std::string_view, ScoreActivation>, 4> kActivations{{
    {"Identity", ScoreActivation::kIdentity},
    {"Sigmoid", ScoreActivation::kSigmoid},
    {"Tanh", ScoreActivation::kTanh},
    {"ReLU", ScoreActivation::kRelu},
}};

// "torch.nn.modules.activation.Sigmoid" and "torch.nn.Sigmoid" are the same class.
ScoreActivation activation_from(const Config& config, std::string_view key,
                                const std::string& path) {
  if (path.starts_with("torch.nn.")) {
    const std::string_view last = std::string_view(path).substr(path.rfind('.') + 1);
    for (const auto& [name, activation] : kActivations) {
      if (name == last) return activation;
    }
  }
  config.unsupported(key, fmt::format("activation {} is not supported", in_quotes(path)));
}

std::optional<ScoreActivation> activation_of(const Config& config, std::string_view key) {
  if (!config.has(key)) return std::nullopt;
  return activation_from(config, key, config.text(key));
}

// Three generations of files: config_sentence_transformers.json, then two places in config.json.
ScoreActivation read_activation_rule(const std::filesystem::path& directory,
                                     const std::filesystem::path& transformer, std::size_t labels) {
  const std::filesystem::path settings = directory / "config_sentence_transformers.json";
  if (is_there(settings)) {
    if (auto found = activation_of(Config::load(settings), "activation_fn")) return *found;
  }
  const Config config = Config::load(transformer / "config.json");
  if (const Json* section = config.find("sentence_transformers")) {
    const Config inner(*section, config.source() + ": sentence_transformers");
    if (auto found = activation_of(inner, "activation_fn")) return *found;
  }
  if (auto found = activation_of(config, "sbert_ce_default_activation_function")) return *found;
  return labels == 1 ? ScoreActivation::kSigmoid : ScoreActivation::kIdentity;
}

float activate(ScoreActivation activation, float x) {
  switch (activation) {
    case ScoreActivation::kIdentity: return x;
    case ScoreActivation::kSigmoid: return static_cast<float>(sigmoid(x));
    case ScoreActivation::kTanh: return static_cast<float>(std::tanh(static_cast<double>(x)));
    case ScoreActivation::kRelu: return x < 0 ? 0.0f : x;  // NaN stays
  }
  return x;
}

}  // namespace

struct CrossEncoder::Impl : TextModel {
  ScoreActivation activation = ScoreActivation::kIdentity;

  Impl(const std::filesystem::path& directory, const LoadOptions& options)
      : TextModel(directory, with_head(options, LoadHead::kYes)) {
    require_head(HeadKind::kSequence);
    if (sentence.default_prompt_name) {
      throw Error(Reason::kUnsupported,
                  fmt::format("{}: default_prompt_name is not supported for a cross-encoder",
                              (directory / "config_sentence_transformers.json").string()));
    }
    if (max_tokens < tokenizer.special_tokens(2)) {
      throw Error(Reason::kInvalidArgument,
                  fmt::format("{}: pairs are cut at {} tokens, the special tokens alone are {}",
                              source(), max_tokens, tokenizer.special_tokens(2)));
    }
    activation =
        read_activation_rule(directory, sentence.transformer_directory, info.head.labels.size());
  }

  /// `pair(i)` gives two texts.
  template <typename Pair>
  PairScores score(std::size_t pairs, const TextOptions& options, const Pair& pair) const;
};

template <typename Pair>
PairScores CrossEncoder::Impl::score(std::size_t pairs, const TextOptions& options,
                                     const Pair& pair) const {
  PairScores scores;
  scores.rows = static_cast<std::int64_t>(pairs);
  scores.cols = static_cast<std::int64_t>(info.head.labels.size());
  scores.data.resize(pairs * info.head.labels.size());
  const TokenizeOptions tokenize = tokenize_options(options);
  const auto encode = [&](std::size_t i, Encoding& encoding) {
    const auto& [first, second] = pair(i);
    encoding = tokenizer.encode_pair(first, second, tokenize);
  };
  scores.truncated =
      for_each_window(pairs, options.long_text, encode, [&](const TokenWindow& window) {
        logits(window, {}, options, [&](std::int64_t row, std::span<const float> values) {
          const auto pair_number = static_cast<std::int64_t>(window.first) + row;
          std::transform(values.begin(), values.end(),
                         scores.data.begin() + pair_number * scores.cols,
                         [this](float value) { return activate(activation, value); });
        });
      });
  return scores;
}

CrossEncoder::CrossEncoder(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}

CrossEncoder CrossEncoder::load(const std::filesystem::path& directory,
                                const LoadOptions& options) {
  return CrossEncoder(std::make_shared<const Impl>(directory, options));
}

PairScores CrossEncoder::score(std::span<const TextPair> pairs, const TextOptions& options) const {
  return impl_->score(pairs.size(), options,
                      [&](std::size_t i) -> const TextPair& { return pairs[i]; });
}

Ranking CrossEncoder::rank(std::string_view query, std::span<const std::string> documents,
                           std::int64_t top_k, const TextOptions& options) const {
  require_count("top_k", top_k);
  if (labels().size() != 1) {
    throw Error(Reason::kFailedPrecondition,
                fmt::format("{}: expected a cross-encoder with one label to rank by, found {}",
                            impl_->source(), labels().size()));
  }
  const PairScores scores = impl_->score(documents.size(), options, [&](std::size_t i) {
    return std::pair<std::string_view, std::string_view>(query, documents[i]);
  });
  Ranking ranking;
  ranking.truncated = scores.truncated;
  for (const std::int64_t i : largest(scores.data, top_k)) {
    ranking.documents.push_back({i, scores.data[static_cast<std::size_t>(i)]});
  }
  return ranking;
}

const std::vector<std::string>& CrossEncoder::labels() const { return impl_->info.head.labels; }
std::int64_t CrossEncoder::max_tokens() const { return impl_->max_tokens; }
const Tokenizer& CrossEncoder::tokenizer() const { return impl_->tokenizer; }
const TransformerModel& CrossEncoder::model() const { return *impl_->model; }
ModelInfo CrossEncoder::info() const { return impl_->info; }

}  // namespace weft
