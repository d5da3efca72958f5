#include "weft/token_classifier.h"

#include <algorithm>
#include <optional>

#include "runtime/aggregation.h"
#include "runtime/scores.h"
#include "runtime/special_tokens.h"
#include "runtime/text_model.h"
#include "runtime/utf8.h"

namespace weft {
namespace {

// Where a text's tokens lie.
struct Places {
  std::vector<std::int32_t> ids;
  std::vector<std::pair<std::int32_t, std::int32_t>> characters, bytes;
};

}  // namespace

struct TokenClassifier::Impl : TextModel {
  std::optional<SpecialToken> unknown;
  std::size_t leading, trailing;  // special tokens around a text

  Impl(const std::filesystem::path& directory, const LoadOptions& options)
      : TextModel(directory, with_head(options, LoadHead::kYes)) {
    require_head(HeadKind::kToken);
    unknown = find_special_token(sentence.transformer_directory, tokenizer, "unk_token",
                                 {"[UNK]", "<unk>"});
    leading = static_cast<std::size_t>(tokenizer.leading_special_tokens());
    trailing = static_cast<std::size_t>(tokenizer.special_tokens(1)) - leading;
  }

  WordPart part_of_word(std::string_view text, const Places& places, std::size_t token) const;
  std::vector<ScoredToken> scored_tokens(std::string_view text, const Places& places,
                                         const std::vector<std::vector<double>>& scores) const;
};

// The pipeline's rules. With a vocabulary that marks continuations: the token's spelling is not as
// long as its range. Else: it follows a character that is no space, and is not itself one.
WordPart TokenClassifier::Impl::part_of_word(std::string_view text, const Places& places,
                                             std::size_t token) const {
  const std::int32_t id = places.ids[token];
  if (unknown && id == unknown->id) return WordPart::kBegin;
  if (!tokenizer.continuing_subword_prefix().empty()) {
    const std::string spelling = tokenizer.id_to_token(id);
    const std::int32_t range = places.characters[token].second - places.characters[token].first;
    return count_code_points(spelling) != range ? WordPart::kContinuation : WordPart::kBegin;
  }
  const auto begin = static_cast<std::size_t>(places.bytes[token].first);
  const bool space_before = begin > 0 && text[begin - 1] == ' ';
  const bool begins_with_space = begin < text.size() && text[begin] == ' ';
  return begin > 0 && !space_before && !begins_with_space ? WordPart::kContinuation
                                                          : WordPart::kBegin;
}

std::vector<ScoredToken> TokenClassifier::Impl::scored_tokens(
    std::string_view text, const Places& places,
    const std::vector<std::vector<double>>& scores) const {
  std::vector<ScoredToken> tokens;
  for (std::size_t i = leading; i + trailing < scores.size(); ++i) {
    Entity place;
    place.begin = places.characters[i].first;
    place.end = places.characters[i].second;
    place.byte_begin = places.bytes[i].first;
    place.byte_end = places.bytes[i].second;
    place.token_index = static_cast<std::int32_t>(i);
    tokens.push_back({place, part_of_word(text, places, i), scores[i]});
  }
  return tokens;
}

TokenClassifier::TokenClassifier(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}

TokenClassifier TokenClassifier::load(const std::filesystem::path& directory,
                                      const LoadOptions& options) {
  return TokenClassifier(std::make_shared<const Impl>(directory, options));
}

std::vector<TaggedText> TokenClassifier::tag(std::span<const std::string> texts,
                                             Aggregation aggregation,
                                             const TextOptions& options) const {
  const Impl& impl = *impl_;
  std::vector<TaggedText> results(texts.size());
  TokenizeOptions tokenize = impl.tokenize_options(options);
  tokenize.want_offsets = true;
  std::vector<Places> places;  // of the window's texts
  const auto encode = [&](std::size_t i, Encoding& encoding) {
    impl.tokenizer.encode(texts[i], tokenize, encoding);
    results[i].truncated_tokens = encoding.truncated_tokens;
    places.push_back({encoding.ids, encoding.offsets, encoding.byte_offsets});
  };
  const auto run = [&](const TokenWindow& window) {
    std::size_t text = 0;                     // within the window
    std::vector<std::vector<double>> scores;  // of its tokens so far
    impl.logits(window, {}, options, [&](std::int64_t row, std::span<const float> values) {
      scores.push_back(softmax(values));
      if (row + 1 < window.offsets[text + 1]) return;
      const std::size_t number = window.first + text;
      const auto tokens = impl.scored_tokens(texts[number], places[text], scores);
      results[number].entities = aggregate(tokens, labels(), aggregation);
      scores.clear();
      ++text;
    });
    places.clear();
  };
  impl.for_each_window(texts.size(), options.long_text, encode, run);
  return results;
}

TaggedText TokenClassifier::tag(std::string_view text, Aggregation aggregation,
                                const TextOptions& options) const {
  const std::string one(text);
  return tag(std::span<const std::string>(&one, 1), aggregation, options).front();
}

const std::vector<std::string>& TokenClassifier::labels() const { return impl_->info.head.labels; }
std::int64_t TokenClassifier::max_tokens() const { return impl_->max_tokens; }
const Tokenizer& TokenClassifier::tokenizer() const { return impl_->tokenizer; }
const TransformerModel& TokenClassifier::model() const { return *impl_->model; }
ModelInfo TokenClassifier::info() const { return impl_->info; }

}  // namespace weft
