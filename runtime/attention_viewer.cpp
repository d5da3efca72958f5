// Tokens of a text and the attentions of the model that reads them, put together.
#include "weft/attention_viewer.h"

#include <fmt/format.h>

#include <algorithm>

#include "runtime/config.h"
#include "runtime/files.h"
#include "runtime/text_model.h"
#include "weft/error.h"
#include "weft/generation.h"

namespace weft {
namespace {

LoadOptions without_head(LoadOptions options) {
  options.head = LoadHead::kNo;
  return options;
}

Array row_of(const std::vector<std::int32_t>& values, std::vector<std::int64_t> shape) {
  Array array(DType::kI32, std::move(shape));
  std::copy(values.begin(), values.end(), array.values<std::int32_t>().begin());
  return array;
}

std::vector<std::string> names_of(const Encoding& encoding, const Tokenizer& tokenizer) {
  std::vector<std::string> names;
  for (const std::int32_t id : encoding.ids) names.push_back(tokenizer.id_to_token(id));
  return names;
}

/// Moves the arrays PREFIX.i of one sequence into `maps`.
void take_layers(NamedArrays& arrays, const std::string& prefix, AttentionMaps& maps) {
  for (std::int64_t i = 0; i < maps.layers; ++i) {
    const auto array = arrays.extract(fmt::format("{}.{}", prefix, maps.first_layer + i));
    const auto values = array.mapped().values<float>();
    if (i == 0) maps.weights.reserve(values.size() * static_cast<std::size_t>(maps.layers));
    maps.weights.insert(maps.weights.end(), values.begin(), values.end());
  }
}

}  // namespace

struct AttentionViewer::Impl {
  std::optional<TextModel> encoder;  // this
  std::optional<Generator> seq2seq;  // or this
  std::optional<Tokenizer> seq2seq_tokenizer;
  EncoderDecoderInfo info;  // of seq2seq
  std::optional<std::int32_t> start_token;
  std::string source;
  std::int64_t max_tokens = 0, max_target_tokens = 0;

  Impl(const std::filesystem::path& directory, const LoadOptions& options);
  void load_seq2seq(const std::filesystem::path& directory, const LoadOptions& options);
  const Tokenizer& tokenizer() const { return encoder ? encoder->tokenizer : *seq2seq_tokenizer; }
  TokenizeOptions tokenize_options(const TextOptions& options, std::int64_t longest) const {
    return {
        .max_length = longest, .specials_in_text = options.specials_in_text, .want_offsets = false};
  }
  void require_decoder() const;
  bool is_recurrent() const { return seq2seq && info.encoder_heads == 0; }
};

AttentionViewer::Impl::Impl(const std::filesystem::path& directory, const LoadOptions& options)
    : source(directory.string()) {
  if (is_encoder_decoder(directory)) {
    load_seq2seq(directory, options);
    return;
  }
  encoder.emplace(directory, without_head(options));
  max_tokens = encoder->max_tokens;
}

void AttentionViewer::Impl::load_seq2seq(const std::filesystem::path& directory,
                                         const LoadOptions& options) {
  seq2seq = Generator::load(directory, options);
  info = seq2seq->model().info();
  if (info.source_vocabulary == 0) {
    throw Error(Reason::kFailedPrecondition,
                fmt::format("{}: expected a model of texts, found {}, which takes no token ids",
                            source, info.architecture));
  }
  seq2seq_tokenizer = Tokenizer::load(directory);
  const std::int64_t smaller = std::min(info.source_vocabulary, info.target_vocabulary);
  if (tokenizer().vocabulary_size() > smaller) {
    throw Error(Reason::kInvalidArgument,
                fmt::format("{}: largest id is {}, the model has {} embeddings",
                            (directory / "tokenizer.json").string(),
                            tokenizer().vocabulary_size() - 1, smaller));
  }
  max_tokens = std::min(tokenizer().model_max_length().value_or(info.max_source_tokens),
                        info.max_source_tokens);
  max_target_tokens = info.max_target_tokens;
  for (const char* file : {"generation_config.json", "config.json"}) {
    if (start_token || !is_there(directory / file)) continue;
    const Config config = Config::load(directory / file);
    for (const char* key : {"decoder_start_token_id", "bos_token_id"}) {
      if (start_token || !config.has(key)) continue;
      start_token =
          static_cast<std::int32_t>(config.integer(key, 0, tokenizer().vocabulary_size() - 1));
    }
  }
}

void AttentionViewer::Impl::require_decoder() const {
  if (seq2seq) return;
  throw Error(Reason::kFailedPrecondition,
              fmt::format("{}: expected an encoder-decoder, found {}, which has no decoder", source,
                          encoder->info.architecture));
}

AttentionViewer::AttentionViewer(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}

AttentionViewer AttentionViewer::load(const std::filesystem::path& directory,
                                      const LoadOptions& options) {
  return AttentionViewer(std::make_shared<const Impl>(directory, options));
}

Encoding AttentionViewer::encode(std::string_view text, const std::optional<std::string>& second,
                                 const TextOptions& options) const {
  const TokenizeOptions tokenize = impl_->tokenize_options(options, max_tokens());
  Encoding encoding = second ? tokenizer().encode_pair(text, *second, tokenize)
                             : tokenizer().encode(text, tokenize);
  const auto kept = static_cast<std::int64_t>(encoding.ids.size());
  if (kept == 0) {
    throw Error(Reason::kInvalidArgument, "text: expected at least one token, found none");
  }
  if (encoding.truncated_tokens > 0 && options.long_text == LongText::kError) {
    throw Error(Reason::kOutOfRange, fmt::format("text: expected at most {} tokens, found {}",
                                                 max_tokens(), kept + encoding.truncated_tokens));
  }
  if (!tokenizer().gives_token_types()) encoding.type_ids.assign(encoding.ids.size(), 0);
  return encoding;
}

Encoding AttentionViewer::encode_target(const std::optional<std::string>& text,
                                        const TextOptions& options) const {
  impl_->require_decoder();
  if (!impl_->start_token) {
    throw Error(Reason::kInvalidArgument,
                fmt::format("{}: decoder_start_token_id: expected one in config.json or "
                            "generation_config.json, found none",
                            impl_->source));
  }
  Encoding target;
  if (text) {
    target = tokenizer().encode(*text, impl_->tokenize_options(options, impl_->max_target_tokens));
  }
  const auto kept = static_cast<std::int64_t>(target.ids.size());
  if (target.truncated_tokens > 0 && options.long_text == LongText::kError) {
    throw Error(Reason::kOutOfRange,
                fmt::format("target: expected at most {} tokens, found {}",
                            impl_->max_target_tokens, kept + target.truncated_tokens));
  }
  target.ids.insert(target.ids.begin(), *impl_->start_token);
  if (kept > 0) target.ids.pop_back();
  return target;
}

Encoding AttentionViewer::generate_target(const Encoding& tokens, const StopCondition& stop) const {
  impl_->require_decoder();
  const std::int64_t offsets[] = {0, static_cast<std::int64_t>(tokens.ids.size())};
  Encoding target;
  target.ids = impl_->seq2seq->generate(tokens.ids, offsets, {}, stop).front();
  if (target.ids.size() > 1) target.ids.pop_back();  // written last, never read
  return target;
}

AttentionMaps AttentionViewer::attend(const Encoding& tokens, const AttendOptions& options) const {
  if (has_decoder()) {
    return attend(tokens, encode_target(std::nullopt), AttentionPart::kEncoder, options);
  }
  AttentionMaps maps;
  maps.keys = maps.queries = names_of(tokens, tokenizer());
  maps.heads = heads();
  maps.first_layer = options.layer.value_or(0);
  maps.layers = options.layer ? 1 : layers();
  NamedArrays arrays = impl_->encoder->model->attentions(tokens.ids, tokens.type_ids, options);
  take_layers(arrays, "attentions", maps);
  return maps;
}

AttentionMaps AttentionViewer::attend(const Encoding& tokens, const Encoding& target,
                                      AttentionPart part, const AttendOptions& options) const {
  impl_->require_decoder();
  if (layers(part) == 0) {
    throw Error(Reason::kFailedPrecondition,
                fmt::format("{}: expected a model with self-attention, found {}, which has cross "
                            "attention alone (for a target)",
                            impl_->source, architecture()));
  }
  if (options.layer && (*options.layer < 0 || *options.layer >= layers(part))) {
    throw Error(Reason::kOutOfRange, fmt::format("[attend] layer: expected 0 to {}, found {}",
                                                 layers(part) - 1, *options.layer));
  }
  const auto length = static_cast<std::int64_t>(tokens.ids.size());
  NamedArrays inputs;
  inputs["input_ids"] = row_of(tokens.ids, {length});
  inputs["offsets"] = row_of({0, static_cast<std::int32_t>(length)}, {2});
  inputs["decoder_input_ids"] =
      row_of(target.ids, {1, static_cast<std::int64_t>(target.ids.size())});
  NamedArrays arrays = impl_->seq2seq->model().forward(
      inputs, {.attentions = AttentionOutput::kAll, .stop = options.stop});
  AttentionMaps maps;
  maps.queries = names_of(part == AttentionPart::kEncoder ? tokens : target, tokenizer());
  maps.keys = names_of(part == AttentionPart::kDecoder ? target : tokens, tokenizer());
  maps.heads = heads(part);
  maps.first_layer = options.layer.value_or(0);
  maps.layers = options.layer ? 1 : layers(part);
  take_layers(arrays,
              part == AttentionPart::kEncoder   ? "encoder_attentions"
              : part == AttentionPart::kDecoder ? "decoder_attentions"
                                                : "cross_attentions",
              maps);
  return maps;
}

bool AttentionViewer::has_decoder() const { return impl_->seq2seq.has_value(); }
std::int64_t AttentionViewer::layers(AttentionPart part) const {
  if (impl_->encoder) return impl_->encoder->info.layers;
  if (impl_->is_recurrent()) return part == AttentionPart::kCross ? 1 : 0;
  return part == AttentionPart::kEncoder ? impl_->info.encoder_layers : impl_->info.decoder_layers;
}
std::int64_t AttentionViewer::heads(AttentionPart part) const {
  if (impl_->encoder) return impl_->encoder->info.heads;
  if (impl_->is_recurrent()) return part == AttentionPart::kCross ? 1 : 0;
  return part == AttentionPart::kEncoder ? impl_->info.encoder_heads : impl_->info.decoder_heads;
}
std::int64_t AttentionViewer::max_tokens() const { return impl_->max_tokens; }
const Tokenizer& AttentionViewer::tokenizer() const { return impl_->tokenizer(); }
std::string AttentionViewer::architecture() const {
  return impl_->encoder ? impl_->encoder->info.architecture : impl_->info.architecture;
}
std::string AttentionViewer::compute_dtype() const {
  return impl_->encoder ? impl_->encoder->info.compute_dtype : impl_->info.compute_dtype;
}

}  // namespace weft
