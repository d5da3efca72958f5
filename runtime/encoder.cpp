// Text in, vectors out: prompt, tokens, forward pass, truncation and normalisation, in that order.
// This is the straight line that sentence_transformers' SentenceTransformer.encode follows.
#include "weft/encoder.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "runtime/sentence_modules.h"
#include "runtime/utf8.h"
#include "weft/error.h"

namespace weft {
namespace {

// Texts are tokenised and run in windows of about this many chunks of a session: few enough that a
// million texts need little memory beside their vectors (2 MB at 4096 tokens a chunk), enough that
// the last chunk of a window, which is rarely full, does not count.
constexpr std::int64_t kChunksInWindow = 64;

// Upper and lower case give the same ids, as with every uncased BERT vocabulary.
bool is_uncased(const Tokenizer& tokenizer) {
  return tokenizer.encode("A B C D E F G H I J K L M N O P Q R S T U V W X Y Z É Ö Λ Д").ids ==
         tokenizer.encode("a b c d e f g h i j k l m n o p q r s t u v w x y z é ö λ д").ids;
}

void normalize_row(std::span<float> row) {
  double sum = 0;
  for (const float value : row) sum += static_cast<double>(value) * value;
  const double norm = std::max(std::sqrt(sum), 1e-12);
  for (float& value : row) value = static_cast<float>(value / norm);
}

// The sequences of one window, ragged.
struct Window {
  std::vector<std::int32_t> ids;
  std::vector<std::int32_t> type_ids;
  std::vector<std::int64_t> offsets{0};
  std::vector<std::int32_t> skip;

  std::size_t size() const { return offsets.size() - 1; }
  void append(const Encoding& encoding, std::int32_t prompt_tokens) {
    ids.insert(ids.end(), encoding.ids.begin(), encoding.ids.end());
    type_ids.insert(type_ids.end(), encoding.type_ids.begin(), encoding.type_ids.end());
    offsets.push_back(static_cast<std::int64_t>(ids.size()));
    skip.push_back(std::min(prompt_tokens, static_cast<std::int32_t>(encoding.ids.size())));
  }
  void clear() {
    ids.clear();
    type_ids.clear();
    offsets.assign(1, 0);
    skip.clear();
  }
};

}  // namespace

struct Encoder::Impl {
  std::shared_ptr<const TransformerModel> model;
  Tokenizer tokenizer;
  SentenceModules sentence;
  ModelInfo info;
  std::int64_t max_tokens = 0;
  bool ends_with_normalize = false;
  IncludePrompt include_prompt = IncludePrompt::kYes;

  Impl(const std::filesystem::path& directory, const LoadOptions& options)
      : model(TransformerModel::load(directory, options)),
        tokenizer(Tokenizer::load(find_transformer_directory(directory))),
        sentence(read_sentence_modules(directory, model->info().hidden_size)),
        info(model->info()) {
    check_tokenizer();
    choose_max_tokens();
    if (!options.pooling && !sentence.modules.empty()) {
      ends_with_normalize = sentence.modules.back().kind == SentenceModule::Kind::kNormalize;
      include_prompt = sentence.modules.front().pooling.include_prompt;
    }
  }

  void check_tokenizer() const;
  void choose_max_tokens();
  const std::string& prompt(const EncodeOptions& options) const;
  std::int32_t skipped_tokens(const std::string& prompt, const TokenizeOptions& options) const;
  std::int64_t columns(const EncodeOptions& options) const;
  void embed(const Window& window, std::span<float> out, const EncodeOptions& options) const;
};

void Encoder::Impl::check_tokenizer() const {
  const std::string file = (sentence.transformer_directory / "tokenizer.json").string();
  if (tokenizer.vocabulary_size() > model->vocabulary_size()) {
    throw Error(Reason::kInvalidArgument,
                fmt::format("{}: largest id is {}, the model has {} embeddings", file,
                            tokenizer.vocabulary_size() - 1, model->vocabulary_size()));
  }
  if (sentence.do_lower_case.value_or(false) && !is_uncased(tokenizer)) {
    throw Error(Reason::kUnsupported,
                fmt::format("{}: do_lower_case in sentence_bert_config.json is not supported for a "
                            "tokenizer that keeps upper case",
                            file));
  }
}

void Encoder::Impl::choose_max_tokens() {
  const std::int64_t positions = model->max_tokens();
  const std::optional<std::int64_t> asked =
      sentence.max_seq_length ? sentence.max_seq_length : tokenizer.model_max_length();
  max_tokens = std::min(asked.value_or(positions), positions);
  if (sentence.max_seq_length && *sentence.max_seq_length > positions) {
    info.warnings.push_back(
        fmt::format("{}: max_seq_length is {}, texts are cut at the model's {} positions",
                    sentence.transformer_directory.string(), *sentence.max_seq_length, positions));
  }
  if (max_tokens < tokenizer.special_tokens(1)) {
    throw Error(Reason::kInvalidArgument,
                fmt::format("{}: texts are cut at {} tokens, the special tokens alone are {}",
                            sentence.transformer_directory.string(), max_tokens,
                            tokenizer.special_tokens(1)));
  }
}

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
void Encoder::Impl::embed(const Window& window, std::span<float> out,
                          const EncodeOptions& options) const {
  const std::size_t size = static_cast<std::size_t>(model->embedding_size());
  const std::size_t width = static_cast<std::size_t>(columns(options));
  const bool leave_out = options.normalize == Normalization::kOff && ends_with_normalize;
  const EmbedOptions embed_options{
      .type_ids = window.type_ids,
      .skip = window.skip,
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
  const TokenizeOptions tokenize{.max_length = impl.max_tokens,
                                 .specials_in_text = options.specials_in_text,
                                 .want_offsets = false};
  const std::int32_t skip = impl.skipped_tokens(prompt, tokenize);
  Window window;
  Encoding encoding;
  std::string prompted;
  std::int64_t truncated = 0;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    std::string_view text = texts[i];
    if (!prompt.empty()) text = prompted.assign(prompt).append(text);
    try {
      impl.tokenizer.encode(text, tokenize, encoding);
    } catch (const Error& error) {
      throw Error(error.reason(), fmt::format("text {}: {}", i, error.what()));
    }
    if (encoding.truncated_tokens > 0) {
      ++truncated;
      if (options.long_text == LongText::kError) {
        const auto kept = static_cast<std::int64_t>(encoding.ids.size());
        throw Error(Reason::kOutOfRange,
                    fmt::format("text {}: expected at most {} tokens, found {}", i, impl.max_tokens,
                                kept + encoding.truncated_tokens));
      }
    }
    window.append(encoding, skip);
    if (window.offsets.back() >= kChunksInWindow * impl.info.limits.tokens ||
        i + 1 == texts.size()) {
      const std::size_t first = i + 1 - window.size();
      impl.embed(window, out.subspan(first * width, window.size() * width), options);
      window.clear();
    }
  }
  return truncated;
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

const Tokenizer& Encoder::tokenizer() const { return impl_->tokenizer; }
const TransformerModel& Encoder::model() const { return *impl_->model; }
ModelInfo Encoder::info() const { return impl_->info; }

}  // namespace weft
