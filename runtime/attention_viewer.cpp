// Tokens of a text and TransformerModel::attentions, put together.
#include "weft/attention_viewer.h"

#include <fmt/format.h>

#include "runtime/text_model.h"
#include "weft/error.h"

namespace weft {
namespace {

LoadOptions without_head(LoadOptions options) {
  options.head = LoadHead::kNo;
  return options;
}

}  // namespace

struct AttentionViewer::Impl : TextModel {
  Impl(const std::filesystem::path& directory, const LoadOptions& options)
      : TextModel(directory, without_head(options)) {}
};

AttentionViewer::AttentionViewer(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}

AttentionViewer AttentionViewer::load(const std::filesystem::path& directory,
                                      const LoadOptions& options) {
  return AttentionViewer(std::make_shared<const Impl>(directory, options));
}

Encoding AttentionViewer::encode(std::string_view text, const std::optional<std::string>& second,
                                 const TextOptions& options) const {
  const TokenizeOptions tokenize = impl_->tokenize_options(options);
  const Tokenizer& tokenizer = impl_->tokenizer;
  Encoding encoding =
      second ? tokenizer.encode_pair(text, *second, tokenize) : tokenizer.encode(text, tokenize);
  const auto kept = static_cast<std::int64_t>(encoding.ids.size());
  if (kept == 0) {
    throw Error(Reason::kInvalidArgument, "text: expected at least one token, found none");
  }
  if (encoding.truncated_tokens > 0 && options.long_text == LongText::kError) {
    throw Error(Reason::kOutOfRange, fmt::format("text: expected at most {} tokens, found {}",
                                                 max_tokens(), kept + encoding.truncated_tokens));
  }
  return encoding;
}

AttentionMaps AttentionViewer::attend(const Encoding& tokens, const AttendOptions& options) const {
  AttentionMaps maps;
  for (const std::int32_t id : tokens.ids) maps.keys.push_back(impl_->tokenizer.id_to_token(id));
  maps.queries = maps.keys;
  maps.heads = heads();
  maps.first_layer = options.layer.value_or(0);
  maps.layers = options.layer ? 1 : layers();
  NamedArrays arrays = impl_->model->attentions(tokens.ids, tokens.type_ids, options);
  for (std::int64_t i = 0; i < maps.layers; ++i) {
    const auto array = arrays.extract(fmt::format("attentions.{}", maps.first_layer + i));
    const auto values = array.mapped().values<float>();
    if (i == 0) maps.weights.reserve(values.size() * static_cast<std::size_t>(maps.layers));
    maps.weights.insert(maps.weights.end(), values.begin(), values.end());
  }
  return maps;
}

std::int64_t AttentionViewer::layers() const { return impl_->info.layers; }
std::int64_t AttentionViewer::heads() const { return impl_->info.heads; }
std::int64_t AttentionViewer::max_tokens() const { return impl_->max_tokens; }
const Tokenizer& AttentionViewer::tokenizer() const { return impl_->tokenizer; }
const TransformerModel& AttentionViewer::model() const { return *impl_->model; }
ModelInfo AttentionViewer::info() const { return impl_->info; }

}  // namespace weft
