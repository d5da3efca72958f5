#include "weft/classifier.h"

#include <algorithm>

#include "runtime/scores.h"
#include "runtime/text_model.h"

namespace weft {
namespace {

ProblemType resolved(const HeadInfo& head) {
  if (head.problem == ProblemType::kRegression) return ProblemType::kRegression;
  const bool several = head.problem == ProblemType::kMultiLabel || head.labels.size() == 1;
  return several ? ProblemType::kMultiLabel : ProblemType::kSingleLabel;
}

}  // namespace

struct Classifier::Impl : TextModel {
  ProblemType problem;

  Impl(const std::filesystem::path& directory, const LoadOptions& options)
      : TextModel(directory, with_head(options, LoadHead::kYes)), problem(resolved(info.head)) {
    require_head(HeadKind::kSequence);
  }

  std::vector<LabelScore> scores(std::span<const float> logits, std::int64_t top_k) const;
};

std::vector<LabelScore> Classifier::Impl::scores(std::span<const float> logits,
                                                 std::int64_t top_k) const {
  std::vector<float> values(logits.begin(), logits.end());
  if (problem == ProblemType::kSingleLabel) {
    const std::vector<double> shares = softmax(logits);
    std::transform(shares.begin(), shares.end(), values.begin(),
                   [](double share) { return static_cast<float>(share); });
  } else if (problem == ProblemType::kMultiLabel) {
    for (float& value : values) value = static_cast<float>(sigmoid(value));
  }
  std::vector<LabelScore> result;
  for (const std::int64_t i : largest(values, top_k)) {
    const auto index = static_cast<std::size_t>(i);
    result.push_back({info.head.labels[index], values[index]});
  }
  return result;
}

Classifier::Classifier(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}

Classifier Classifier::load(const std::filesystem::path& directory, const LoadOptions& options) {
  return Classifier(std::make_shared<const Impl>(directory, options));
}

std::vector<Classification> Classifier::classify(std::span<const std::string> texts,
                                                 std::int64_t top_k,
                                                 const TextOptions& options) const {
  const Impl& impl = *impl_;
  require_count("top_k", top_k);
  std::vector<Classification> results(texts.size());
  const TokenizeOptions tokenize = impl.tokenize_options(options);
  const auto encode = [&](std::size_t i, Encoding& encoding) {
    impl.tokenizer.encode(texts[i], tokenize, encoding);
    results[i].truncated_tokens = encoding.truncated_tokens;
  };
  impl.for_each_window(texts.size(), options.long_text, encode, [&](const TokenWindow& window) {
    impl.logits(window, {}, options, [&](std::int64_t row, std::span<const float> values) {
      results[window.first + static_cast<std::size_t>(row)].labels = impl.scores(values, top_k);
    });
  });
  return results;
}

Classification Classifier::classify(std::string_view text, std::int64_t top_k,
                                    const TextOptions& options) const {
  const std::string one(text);
  return classify(std::span<const std::string>(&one, 1), top_k, options).front();
}

const std::vector<std::string>& Classifier::labels() const { return impl_->info.head.labels; }
std::int64_t Classifier::max_tokens() const { return impl_->max_tokens; }
const Tokenizer& Classifier::tokenizer() const { return impl_->tokenizer; }
const TransformerModel& Classifier::model() const { return *impl_->model; }
ModelInfo Classifier::info() const { return impl_->info; }

}  // namespace weft
