#include "weft/masked_lm.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "runtime/scores.h"
#include "runtime/special_tokens.h"
#include "runtime/text_model.h"
#include "weft/error.h"

namespace weft {
namespace {

// One sparse row, from the logits of its tokens.
class SparseRow {
 public:
  SparseRow(const SpladePooling& pooling, std::int64_t cols)
      : pooling_(pooling), columns_(static_cast<std::size_t>(cols), 0) {}

  void add(std::span<const float> logits) {
    if (pooling_.strategy == SpladePooling::Strategy::kMax) {
      // log(1 + x) rises with x: the maximum may be taken first.
      for (std::size_t i = 0; i < columns_.size(); ++i) {
        columns_[i] = logits[i] > columns_[i] ? logits[i] : columns_[i];
      }
      return;
    }
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (logits[i] > 0) columns_[i] += static_cast<float>(weight(logits[i]));
    }
  }

  void append_to(SparseEmbeddings& out) {
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (!(columns_[i] > 0)) continue;
      const bool finished = pooling_.strategy == SpladePooling::Strategy::kSum;
      out.indices.push_back(static_cast<std::int32_t>(i));
      out.values.push_back(finished ? columns_[i] : static_cast<float>(weight(columns_[i])));
    }
    out.offsets.push_back(static_cast<std::int64_t>(out.indices.size()));
    std::fill(columns_.begin(), columns_.end(), 0.0f);
  }

 private:
  double weight(double x) const {
    const double once = std::log1p(x);
    return pooling_.saturation == SpladePooling::Saturation::kLogTwice ? std::log1p(once) : once;
  }

  SpladePooling pooling_;
  std::vector<float> columns_;
};

}  // namespace

struct MaskedLM::Impl : TextModel {
  std::optional<SpecialToken> mask;
  std::string no_mask;

  Impl(const std::filesystem::path& directory, const LoadOptions& options)
      : TextModel(directory, with_head(options, LoadHead::kYes)) {
    require_head(HeadKind::kMaskedLm);
    mask = find_special_token(sentence.transformer_directory, tokenizer, "mask_token",
                              {"[MASK]", "<mask>"});
  }

  std::vector<TokenScore> likeliest(std::span<const float> logits, std::int64_t top_k) const;
};

std::vector<TokenScore> MaskedLM::Impl::likeliest(std::span<const float> logits,
                                                  std::int64_t top_k) const {
  const std::vector<double> shares = softmax(logits);
  std::vector<TokenScore> tokens;
  for (const std::int64_t i : largest(logits, top_k)) {
    const auto id = static_cast<std::int32_t>(i);
    tokens.push_back({id, tokenizer.decode({&id, 1}, SpecialsInDecoded::kKeep),
                      static_cast<float>(shares[static_cast<std::size_t>(i)])});
  }
  return tokens;
}

MaskedLM::MaskedLM(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}

MaskedLM MaskedLM::load(const std::filesystem::path& directory, const LoadOptions& options) {
  return MaskedLM(std::make_shared<const Impl>(directory, options));
}

std::vector<FilledText> MaskedLM::fill(std::span<const std::string> texts, std::int64_t top_k,
                                       const TextOptions& options) const {
  const Impl& impl = *impl_;
  require_count("top_k", top_k);
  if (!impl.mask) {
    throw Error(Reason::kFailedPrecondition,
                fmt::format("{}: mask_token: expected one in the tokenizer, found none",
                            (impl.sentence.transformer_directory / "tokenizer.json").string()));
  }
  std::vector<FilledText> results(texts.size());
  TokenizeOptions tokenize = impl.tokenize_options(options);
  tokenize.want_offsets = true;
  const auto encode = [&](std::size_t i, Encoding& encoding) {
    impl.tokenizer.encode(texts[i], tokenize, encoding);
    results[i].truncated_tokens = encoding.truncated_tokens;
    for (std::size_t t = 0; t < encoding.ids.size(); ++t) {
      if (encoding.ids[t] != impl.mask->id) continue;
      results[i].masks.push_back({encoding.offsets[t].first, encoding.offsets[t].second, {}});
    }
    if (results[i].masks.empty()) {
      throw Error(Reason::kInvalidArgument,
                  fmt::format("expected {} in it, found none{}", impl.mask->content,
                              encoding.truncated_tokens > 0
                                  ? fmt::format(" in its first {} tokens", impl.max_tokens)
                                  : ""));
    }
  };
  const auto run = [&](const TokenWindow& window) {
    std::vector<std::int64_t> tokens;
    std::vector<FilledMask*> masks;  // that they belong to
    for (std::size_t text = 0; text < window.size(); ++text) {
      auto next = results[window.first + text].masks.begin();
      for (std::int64_t t = window.offsets[text]; t < window.offsets[text + 1]; ++t) {
        if (window.ids[static_cast<std::size_t>(t)] != impl.mask->id) continue;
        tokens.push_back(t);
        masks.push_back(&*next++);
      }
    }
    std::size_t filled = 0;
    impl.logits(window, tokens, options, [&](std::int64_t, std::span<const float> values) {
      masks[filled++]->tokens = impl.likeliest(values, top_k);
    });
  };
  impl.for_each_window(texts.size(), options.long_text, encode, run);
  return results;
}

FilledText MaskedLM::fill(std::string_view text, std::int64_t top_k,
                          const TextOptions& options) const {
  const std::string one(text);
  return fill(std::span<const std::string>(&one, 1), top_k, options).front();
}

const std::string& MaskedLM::mask_token() const {
  return impl_->mask ? impl_->mask->content : impl_->no_mask;
}

SparseEmbeddings MaskedLM::encode_sparse(std::span<const std::string> texts,
                                         const TextOptions& options) const {
  const Impl& impl = *impl_;
  SparseEmbeddings result;
  result.rows = static_cast<std::int64_t>(texts.size());
  result.cols = impl.model->logits_size();
  SparseRow row(impl.sentence.splade.value_or(SpladePooling{}), result.cols);
  const TokenizeOptions tokenize = impl.tokenize_options(options);
  const auto encode = [&](std::size_t i, Encoding& encoding) {
    impl.tokenizer.encode(texts[i], tokenize, encoding);
  };
  const auto run = [&](const TokenWindow& window) {
    std::size_t text = 0;  // within the window
    impl.logits(window, {}, options, [&](std::int64_t token, std::span<const float> values) {
      row.add(values);
      if (token + 1 < window.offsets[text + 1]) return;
      row.append_to(result);
      ++text;
    });
  };
  result.truncated = impl.for_each_window(texts.size(), options.long_text, encode, run);
  return result;
}

std::int64_t MaskedLM::max_tokens() const { return impl_->max_tokens; }
const Tokenizer& MaskedLM::tokenizer() const { return impl_->tokenizer; }
const TransformerModel& MaskedLM::model() const { return *impl_->model; }
ModelInfo MaskedLM::info() const { return impl_->info; }

}  // namespace weft
