#include "runtime/text_model.h"

#include <fmt/format.h>

#include <algorithm>

#include "weft/error.h"

namespace weft {
namespace {

// Texts are tokenised and run in windows of about this many chunks of a session: few enough that a
// million texts need little memory beside their results (2 MB at 4096 tokens a chunk), enough that
// the last chunk of a window, which is rarely full, does not count.
constexpr std::int64_t kChunksInWindow = 64;

// Upper and lower case give the same ids, as with every uncased BERT vocabulary.
bool is_uncased(const Tokenizer& tokenizer) {
  return tokenizer.encode("A B C D E F G H I J K L M N O P Q R S T U V W X Y Z É Ö Λ Д").ids ==
         tokenizer.encode("a b c d e f g h i j k l m n o p q r s t u v w x y z é ö λ д").ids;
}

Tokenizer load_tokenizer(const TransformerModel& model, const std::filesystem::path& directory) {
  const std::filesystem::path transformer = find_transformer_directory(directory);
  if (model.vocabulary_size() == 0) {
    throw Error(Reason::kFailedPrecondition,
                fmt::format("{}: expected a model of texts, found {}, which takes no token ids",
                            (transformer / "config.json").string(), model.info().architecture));
  }
  return Tokenizer::load(transformer);
}

}  // namespace

TextModel::TextModel(const std::filesystem::path& directory, const LoadOptions& options)
    : model(TransformerModel::load(directory, options)),
      tokenizer(load_tokenizer(*model, directory)),
      sentence(read_sentence_modules(directory, model->info().hidden_size)),
      info(model->info()) {
  check_tokenizer();
  choose_max_tokens();
}

void TextModel::check_tokenizer() const {
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

void TextModel::choose_max_tokens() {
  const std::int64_t positions = model->max_tokens();
  const std::optional<std::int64_t> asked =
      sentence.max_seq_length ? sentence.max_seq_length : tokenizer.model_max_length();
  max_tokens = std::min(asked.value_or(positions), positions);
  if (sentence.max_seq_length && *sentence.max_seq_length > positions) {
    info.warnings.push_back(
        fmt::format("{}: max_seq_length is {}, texts are cut at the model's {} positions", source(),
                    *sentence.max_seq_length, positions));
  }
  if (max_tokens < tokenizer.special_tokens(1)) {
    throw Error(Reason::kInvalidArgument,
                fmt::format("{}: texts are cut at {} tokens, the special tokens alone are {}",
                            source(), max_tokens, tokenizer.special_tokens(1)));
  }
}

TokenizeOptions TextModel::tokenize_options(const TextOptions& options) const {
  return {.max_length = max_tokens,
          .specials_in_text = options.specials_in_text,
          .want_offsets = false};
}

std::int64_t TextModel::for_each_window(std::size_t texts, LongText long_text,
                                        const EncodeText& encode, const RunWindow& run) const {
  TokenWindow window;
  Encoding encoding;
  std::int64_t truncated = 0;
  for (std::size_t i = 0; i < texts; ++i) {
    try {
      encode(i, encoding);
    } catch (const Error& error) {
      throw Error(error.reason(), fmt::format("text {}: {}", i, error.what()));
    }
    if (encoding.truncated_tokens > 0) {
      ++truncated;
      if (long_text == LongText::kError) {
        const auto kept = static_cast<std::int64_t>(encoding.ids.size());
        throw Error(Reason::kOutOfRange,
                    fmt::format("text {}: expected at most {} tokens, found {}", i, kept,
                                kept + encoding.truncated_tokens));
      }
    }
    window.ids.insert(window.ids.end(), encoding.ids.begin(), encoding.ids.end());
    if (tokenizer.gives_token_types()) {
      window.type_ids.insert(window.type_ids.end(), encoding.type_ids.begin(),
                             encoding.type_ids.end());
    }
    window.offsets.push_back(static_cast<std::int64_t>(window.ids.size()));
    if (window.offsets.back() >= kChunksInWindow * info.limits.tokens || i + 1 == texts) {
      run(window);
      window.first = i + 1;
      window.ids.clear();
      window.type_ids.clear();
      window.offsets.assign(1, 0);
    }
  }
  return truncated;
}

void TextModel::require_head(HeadKind kind) const {
  if (info.head.kind == kind) return;
  const std::string& found = info.head.architecture;
  throw Error(Reason::kFailedPrecondition,
              fmt::format("{}: architectures: expected a head for {}, found {}",
                          (sentence.transformer_directory / "config.json").string(),
                          to_string(kind), found.empty() ? "none" : found));
}

void require_count(std::string_view name, std::int64_t count) {
  if (count >= 0) return;
  throw Error(Reason::kInvalidArgument,
              fmt::format("{}: expected 0 (all) or more, found {}", name, count));
}

}  // namespace weft
