// Text in, vectors out: prompt, tokens, forward pass, truncation and normalisation, in that order.
// This is the straight line that sentence_transformers' SentenceTransformer.encode follows.
#include "weft/encoder.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "runtime/text_model.h"
#include "runtime/utf8.h"
#include "weft/error.h"

namespace weft {
namespace {

void normalize_row(std::span<float> row) {
  double sum = 0;
  for (const float value : row) sum += static_cast<double>(value) * value;
  const double norm = std::max(std::sqrt(sum), 1e-12);
  for (float& value : row) value = static_cast<float>(value / norm);
}

}  // namespace

struct Encoder::Impl : TextModel {
  bool ends_with_normalize = false;
  IncludePrompt include_prompt = IncludePrompt::kYes;

  Impl(const std::filesystem::path& directory, const LoadOptions& options)
      : TextModel(directory, with_head(options, LoadHead::kNo)) {
    if (model->embedding_size() == 0) {
      throw Error(
          Reason::kFailedPrecondition,
          fmt::format("{}: expected a model of sentence embeddings, found one {}",
                      directory.string(),
                      model->token_vector_size() > 0 ? "of token vectors (embed --multi-vector)"
                                                     : "whose modules.json gives none"));
    }
    if (!options.pooling && !sentence.modules.empty()) {
      ends_with_normalize = sentence.modules.back().kind == SentenceModule::Kind::kNormalize;
      include_prompt = sentence.modules.front().pooling.include_prompt;
    }
  }

  const std::string& prompt(const EncodeOptions& options) const;
  std::int32_t skipped_tokens(const std::string& prompt, const TokenizeOptions& options) const;
  std::int64_t columns(const EncodeOptions& options) const;
  void embed(const TokenWindow& window, std::int32_t skipped, std::span<float> out,
             const EncodeOptions& options) const;
};

const std::string& Encoder::Impl::prompt(const EncodeOptions& options) const {
  static const std::string kNone;
  if (options.prompt && options.prompt_name) {
    throw Error(Reason::kInvalidArgument,
                "prompt and prompt_name: expected at most one of them, found both");
  }
  if (options.prompt) return *options.prompt;
  const std::optional<std::string>& name =
      options.prompt_name ? options.prompt_name : sentence.default_prompt_name;
  if (!name) return kNone;
  const auto found = sentence.prompts.find(*name);
  if (found != sentence.prompts.end()) return found->second;
  std::vector<std::string> known;
  for (const auto& [key, text] : sentence.prompts) known.push_back(in_quotes(key));
  throw Error(Reason::kInvalidArgument, fmt::format("prompt_name: expected one of [{}], found {}",
                                                    fmt::join(known, ", "), in_quotes(*name)));
}

// The prompt alone between its special tokens, without the one behind it.
std::int32_t Encoder::Impl::skipped_tokens(const std::string& prompt,
                                           const TokenizeOptions& options) const {
  if (include_prompt == IncludePrompt::kYes || prompt.empty()) return 0;
  const auto length = static_cast<std::int32_t>(tokenizer.encode(prompt, options).ids.size());
  return tokenizer.ends_with_special() ? std::max(0, length - 1) : length;
}

std::int64_t Encoder::Impl::columns(const EncodeOptions& options) const {
  const std::int64_t size = model->embedding_size();
  if (options.truncate_dim < 0 || options.truncate_dim > size) {
    throw Error(
        Reason::kInvalidArgument,
        fmt::format("truncate_dim: expected 0 (all) to {}, found {}", size, options.truncate_dim));
  }
  return options.truncate_dim == 0 ? size : options.truncate_dim;
}

// Rows of `out` are options.truncate_dim wide, or whole.
void Encoder::Impl::embed(const TokenWindow& window, std::int32_t skipped, std::span<float> out,
                          const EncodeOptions& options) const {
  std::vector<std::int32_t> skip(window.size());
  for (std::size_t i = 0; i < skip.size(); ++i) {
    const std::int64_t length = window.offsets[i + 1] - window.offsets[i];
    skip[i] = static_cast<std::int32_t>(std::min<std::int64_t>(skipped, length));
  }
  const std::size_t size = static_cast<std::size_t>(model->embedding_size());
  const std::size_t width = static_cast<std::size_t>(columns(options));
  const bool leave_out = options.normalize == Normalization::kOff && ends_with_normalize;
  const EmbedOptions embed_options{
      .type_ids = window.type_ids,
      .skip = skip,
      .normalize = leave_out ? FinalNormalize::kLeaveOut : FinalNormalize::kAsModules,
      .stop = options.stop,
      .profile = options.profile};
  if (width == size) {
    model->embed(window.ids, window.offsets, out, embed_options);
  } else {
    std::vector<float> whole(window.size() * size);
    model->embed(window.ids, window.offsets, whole, embed_options);
    for (std::size_t i = 0; i < window.size(); ++i) {
      std::copy_n(whole.data() + i * size, width, out.data() + i * width);
    }
  }
  if (options.normalize == Normalization::kOn && (!ends_with_normalize || width < size)) {
    for (std::size_t i = 0; i < window.size(); ++i) normalize_row(out.subspan(i * width, width));
  }
}

Encoder::Encoder(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}

Encoder Encoder::load(const std::filesystem::path& directory, const LoadOptions& options) {
  return Encoder(std::make_shared<const Impl>(directory, options));
}

std::int64_t Encoder::encode(std::span<const std::string_view> texts, std::span<float> out,
                             const EncodeOptions& options) const {
  const Impl& impl = *impl_;
  const std::size_t width = static_cast<std::size_t>(impl.columns(options));
  if (out.size() != texts.size() * width) {
    throw Error(Reason::kInvalidArgument, fmt::format("out: expected {} x {} floats, found {}",
                                                      texts.size(), width, out.size()));
  }
  const std::string& prompt = impl.prompt(options);
  const TokenizeOptions tokenize =
      impl.tokenize_options({.specials_in_text = options.specials_in_text});
  const std::int32_t skipped = impl.skipped_tokens(prompt, tokenize);
  std::string prompted;
  const auto encode_text = [&](std::size_t i, Encoding& encoding) {
    std::string_view text = texts[i];
    if (!prompt.empty()) text = prompted.assign(prompt).append(text);
    impl.tokenizer.encode(text, tokenize, encoding);
  };
  const auto run = [&](const TokenWindow& window) {
    impl.embed(window, skipped, out.subspan(window.first * width, window.size() * width), options);
  };
  return impl.for_each_window(texts.size(), options.long_text, encode_text, run);
}

Embeddings Encoder::encode(std::span<const std::string> texts, const EncodeOptions& options) const {
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  Embeddings result;
  result.rows = static_cast<std::int64_t>(texts.size());
  result.cols = dimension(options);
  result.data.resize(static_cast<std::size_t>(result.rows * result.cols));
  result.truncated = encode(views, result.data, options);
  return result;
}

std::vector<float> Encoder::encode(std::string_view text, const EncodeOptions& options) const {
  std::vector<float> result(static_cast<std::size_t>(dimension(options)));
  encode(std::span<const std::string_view>(&text, 1), result, options);
  return result;
}

std::int64_t Encoder::dimension(const EncodeOptions& options) const {
  return impl_->columns(options);
}

std::int64_t Encoder::max_tokens() const { return impl_->max_tokens; }

std::vector<std::string> Encoder::prompt_names() const {
  std::vector<std::string> names;
  for (const auto& [name, prompt] : impl_->sentence.prompts) names.push_back(name);
  return names;
}

std::string Encoder::similarity() const {
  return impl_->sentence.similarity_fn_name.value_or("cosine");
}

const Tokenizer& Encoder::tokenizer() const { return impl_->tokenizer; }
const TransformerModel& Encoder::model() const { return *impl_->model; }
ModelInfo Encoder::info() const { return impl_->info; }

}  // namespace weft
