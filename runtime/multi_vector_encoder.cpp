// As sentence_transformers' MultiVectorEncoder: prompt, tokens, token vectors, tokens left out.
#include "weft/multi_vector_encoder.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "runtime/multi_vector_settings.h"
#include "runtime/special_tokens.h"
#include "runtime/text_model.h"
#include "runtime/utf8.h"
#include "weft/error.h"

namespace weft {
namespace {

void require_text(std::string_view name, const TokenVectors& vectors, std::int64_t text) {
  const auto texts = static_cast<std::int64_t>(vectors.offsets.size()) - 1;
  if (text >= 0 && text < texts) return;
  throw Error(Reason::kOutOfRange, fmt::format("[max_similarity] {}: expected 0 to {}, found {}",
                                               name, texts - 1, text));
}

}  // namespace

struct MultiVectorEncoder::Impl : TextModel {
  MultiVectorSettings settings;
  std::vector<std::int32_t> skipped;  // ids, rising
  std::int32_t expansion_id = 0;
  std::int64_t leading = 0;  // special tokens before a text

  Impl(const std::filesystem::path& directory, const LoadOptions& options);

  const RoleSettings& of(TextRole role) const {
    return role == TextRole::kQuery ? settings.query : settings.document;
  }
  std::int64_t limit(TextRole role) const;
  /// Throws Error(kInvalidArgument) if texts of this role may be longer than the model's positions.
  void require_positions(TextRole role) const;
  /// Returns how many of the tokens are the text's own: those before the expansion.
  std::size_t encode(const std::string& text, TextRole role, const TextOptions& options,
                     Encoding& encoding) const;
  void expand(Encoding& encoding) const;
  std::vector<std::int64_t> counted(const TokenWindow& window, TextRole role) const;
};

MultiVectorEncoder::Impl::Impl(const std::filesystem::path& directory, const LoadOptions& options)
    : TextModel(directory, with_head(options, LoadHead::kNo)) {
  if (sentence.task != TransformerTask::kTokenVectors) {
    throw Error(Reason::kFailedPrecondition,
                fmt::format("{}: expected a model of token vectors, found one whose modules.json "
                            "gives none",
                            directory.string()));
  }
  settings = read_multi_vector_settings(directory, sentence);
  for (const std::string& word : settings.skipped_words) {
    if (const auto id = tokenizer.token_to_id(word)) skipped.push_back(*id);
  }
  std::sort(skipped.begin(), skipped.end());
  leading = tokenizer.special_tokens(1) - (tokenizer.ends_with_special() ? 1 : 0);
  if (!settings.expansion) return;
  const auto& token = settings.expansion->token;
  const auto mask = find_special_token(sentence.transformer_directory, tokenizer, "mask_token",
                                       {"[MASK]", "<mask>"});
  const auto id =
      token ? tokenizer.token_to_id(*token) : (mask ? std::optional(mask->id) : std::nullopt);
  if (!id) {
    throw Error(Reason::kInvalidArgument,
                fmt::format("{}: query_expansion: expected {} in the vocabulary, found none",
                            source(), token ? in_quotes(*token) : "a mask token"));
  }
  expansion_id = *id;
}

std::int64_t MultiVectorEncoder::Impl::limit(TextRole role) const {
  const std::int64_t positions = model->max_tokens();
  const auto own = of(role).max_length;  // goes before max_seq_length
  if (role == TextRole::kQuery && settings.expansion) {
    const QueryExpansion& expansion = *settings.expansion;
    if (expansion.width == QueryExpansion::Width::kExactly) return expansion.length;
    return own ? std::min(positions, std::max(*own, expansion.length)) : max_tokens;
  }
  return own ? std::min(positions, *own) : max_tokens;
}

void MultiVectorEncoder::Impl::require_positions(TextRole role) const {
  if (role != TextRole::kQuery || !settings.expansion) return;
  const std::int64_t positions = model->max_tokens(), length = settings.expansion->length;
  if (length <= positions) return;
  throw Error(
      Reason::kInvalidArgument,
      fmt::format("{}: query_expansion: length: expected at most {}, the model's positions, "
                  "found {}",
                  source(), positions, length));
}

// A prefix that the vocabulary has is one token, although the tokenizer might take it apart or, as
// it lowers case, not know it again in a text.
std::size_t MultiVectorEncoder::Impl::encode(const std::string& text, TextRole role,
                                             const TextOptions& options, Encoding& encoding) const {
  const RoleSettings& settings_of_role = of(role);
  TokenizeOptions tokenize = tokenize_options(options);
  tokenize.max_length = limit(role);
  std::string_view rest = settings_of_role.prompt;
  std::optional<std::int32_t> prefix;
  for (const std::string_view whole :
       {std::string_view(settings_of_role.prefix),
        std::string_view(settings_of_role.prefix).substr(0, settings_of_role.prefix.find(' '))}) {
    if (prefix || whole.empty()) continue;
    prefix = tokenizer.token_to_id(whole);
    if (prefix) rest.remove_prefix(whole.size());
  }
  if (prefix) --tokenize.max_length;
  tokenizer.encode(std::string(rest) + text, tokenize, encoding);
  if (prefix) {
    encoding.ids.insert(encoding.ids.begin() + leading, *prefix);
    encoding.type_ids.insert(encoding.type_ids.begin() + leading, 0);
  }
  const std::size_t own = encoding.ids.size();
  if (role == TextRole::kQuery && settings.expansion) expand(encoding);
  return own;
}

void MultiVectorEncoder::Impl::expand(Encoding& encoding) const {
  const auto length = static_cast<std::size_t>(settings.expansion->length);
  if (encoding.ids.size() >= length) return;
  encoding.ids.resize(length, expansion_id);
  encoding.type_ids.resize(length, 0);
}

/// The tokens that give a vector, as indices into the window's ids.
std::vector<std::int64_t> MultiVectorEncoder::Impl::counted(const TokenWindow& window,
                                                            TextRole role) const {
  std::vector<std::int64_t> tokens;
  for (std::size_t i = 0; i < window.ids.size(); ++i) {
    const bool skip =
        of(role).skips && std::binary_search(skipped.begin(), skipped.end(), window.ids[i]);
    if (!skip) tokens.push_back(static_cast<std::int64_t>(i));
  }
  return tokens;
}

MultiVectorEncoder::MultiVectorEncoder(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}

bool MultiVectorEncoder::recognizes(const std::filesystem::path& directory) {
  return gives_token_vectors(directory);
}

MultiVectorEncoder MultiVectorEncoder::load(const std::filesystem::path& directory,
                                            const LoadOptions& options) {
  return MultiVectorEncoder(std::make_shared<const Impl>(directory, options));
}

TokenVectors MultiVectorEncoder::encode(std::span<const std::string> texts, TextRole role,
                                        const TextOptions& options) const {
  const Impl& impl = *impl_;
  impl.require_positions(role);
  const bool hides = role == TextRole::kQuery && impl.settings.hides_expansion();
  TokenVectors result;
  result.cols = dimension();
  std::vector<std::int32_t> key_lengths;  // of the window's texts
  const auto encode = [&](std::size_t i, Encoding& encoding) {
    const std::size_t own = impl.encode(texts[i], role, options, encoding);
    if (hides) key_lengths.push_back(static_cast<std::int32_t>(own));
  };
  const auto run = [&](const TokenWindow& window) {
    const std::vector<std::int64_t> tokens = impl.counted(window, role);
    std::size_t next = 0;
    for (std::size_t text = 0; text < window.size(); ++text) {
      while (next < tokens.size() && tokens[next] < window.offsets[text + 1]) ++next;
      result.offsets.push_back(static_cast<std::int64_t>(result.data.size()) / result.cols +
                               static_cast<std::int64_t>(next));
    }
    const std::vector<std::int32_t> lengths = std::exchange(key_lengths, {});
    if (tokens.empty()) return;
    impl.model->token_vectors(window.ids, window.offsets,
                              [&](std::int64_t, std::span<const float> row) {
                                result.data.insert(result.data.end(), row.begin(), row.end());
                              },
                              {.type_ids = window.type_ids,
                               .tokens = tokens,
                               .key_lengths = lengths,
                               .stop = options.stop,
                               .profile = options.profile});
  };
  result.truncated = impl.for_each_window(texts.size(), options.long_text, encode, run);
  return result;
}

double MultiVectorEncoder::max_similarity(const TokenVectors& queries, std::int64_t query,
                                          const TokenVectors& documents, std::int64_t document) {
  require_text("query", queries, query);
  require_text("document", documents, document);
  if (queries.cols != documents.cols) {
    throw Error(Reason::kInvalidArgument,
                fmt::format("[max_similarity] documents: expected vectors of {} columns, found {}",
                            queries.cols, documents.cols));
  }
  double sum = 0;
  for (std::int64_t q = queries.offsets[query]; q < queries.offsets[query + 1]; ++q) {
    double best = -std::numeric_limits<double>::infinity();
    for (std::int64_t d = documents.offsets[document]; d < documents.offsets[document + 1]; ++d) {
      double dot = 0;
      for (std::int64_t c = 0; c < queries.cols; ++c) {
        dot += static_cast<double>(queries.row(q)[c]) * documents.row(d)[c];
      }
      best = std::max(best, dot);
    }
    sum += best;
  }
  return sum;
}

std::int64_t MultiVectorEncoder::dimension() const { return impl_->model->token_vector_size(); }
std::int64_t MultiVectorEncoder::max_tokens(TextRole role) const { return impl_->limit(role); }
const Tokenizer& MultiVectorEncoder::tokenizer() const { return impl_->tokenizer; }
const TransformerModel& MultiVectorEncoder::model() const { return *impl_->model; }
ModelInfo MultiVectorEncoder::info() const { return impl_->info; }

}  // namespace weft
