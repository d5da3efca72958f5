#include "runtime/text/tokenizer_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <system_error>

#include "runtime/files.h"
#include "runtime/json.h"
#include "runtime/text/class_splitters.h"
#include "runtime/utf8.h"

namespace weft {
namespace {

constexpr std::uint64_t kMaxTokenizerBytes = 512u << 20;
constexpr std::uint64_t kMaxConfigBytes = 64u << 20;
// transformers writes 1e30 for "no limit"; nothing real reaches this.
constexpr double kUnlimited = 1e15;

void check_version(const JsonField& root) {
  const auto version = root.find("version");
  if (version && version->as_text() != "1.0") {
    version->unsupported(
        fmt::format("version {} is not supported (\"1.0\" is)", in_quotes(version->as_text())));
  }
}

std::optional<BertWords> bert_words_for(const TokenizerParts& parts) {
  const auto* normalizer = dynamic_cast<const BertNormalizer*>(parts.normalizer.get());
  const auto* splitter = dynamic_cast<const BertPreTokenizer*>(parts.pre_tokenizer.get());
  // Tokens that are looked for in the normalised text need that text.
  if (!normalizer || !splitter || !parts.added_tokens.normalized().empty()) return std::nullopt;
  if (!parts.spaces.empty()) return std::nullopt;
  return BertWords(normalizer->options());
}

LengthLimit read_length_limit(const JsonField& field) {
  const Json& value = field.value();
  if (!value.is_number() || !(value.as_number() >= 1)) field.expected("a number >= 1");
  if (value.as_number() >= kUnlimited) return {LengthLimit::Kind::kUnlimited, 0};
  if (std::trunc(value.as_number()) != value.as_number()) field.expected("a whole number");
  return {LengthLimit::Kind::kTokens, static_cast<std::int64_t>(value.as_number())};
}

}  // namespace

TokenizerParts read_tokenizer_json(const std::filesystem::path& file) {
  const Json json = Json::parse(read_text_file(file, kMaxTokenizerBytes), file.string());
  const JsonField root(json, file.string() + ":");
  check_version(root);
  TokenizerParts parts;
  if (const auto field = root.find("normalizer")) parts.normalizer = read_normalizer(*field);
  if (const auto field = root.find("pre_tokenizer")) {
    parts.pre_tokenizer = read_pre_tokenizer(*field);
  }
  parts.model = read_token_model(root.member("model"));
  const StringTable& vocabulary = parts.model->vocabulary();
  if (const auto field = root.find("added_tokens")) {
    parts.added_tokens = AddedTokens(*field, vocabulary, parts.normalizer.get());
  }
  const auto find = [&](std::string_view token) -> std::optional<std::int32_t> {
    for (const AddedToken& added : parts.added_tokens.tokens()) {
      if (added.content == token) return added.id;
    }
    const std::int32_t id = vocabulary.find(token);
    return id == StringTable::kMissing ? std::nullopt : std::optional(id);
  };
  if (const auto field = root.find("post_processor")) {
    parts.post_processor = read_post_processor(*field, find);
  }
  std::unique_ptr<Decoder> decoder;
  if (const auto field = root.find("decoder")) decoder = read_decoder(*field);
  parts.detokenizer = Detokenizer(std::move(decoder), parts.added_tokens);
  if (const auto field = root.find("truncation")) {
    parts.truncation_length =
        field->integer("max_length", 0, std::numeric_limits<std::int64_t>::max());
  }
  parts.ids = IdTable(vocabulary, parts.added_tokens, file.string());
  if (!parts.post_processor.trims().empty()) {
    parts.spaces.reserve(parts.ids.size());
    for (std::size_t i = 0; i < parts.ids.size(); ++i) {
      parts.spaces.push_back(count_spaces(parts.ids.token(i)));
    }
  }
  parts.bert_words = bert_words_for(parts);
  return parts;
}

TokenizerConfig read_tokenizer_config(const std::filesystem::path& file) {
  if (!is_there(file)) return {};
  const Json json = Json::parse(read_text_file(file, kMaxConfigBytes), file.string());
  const JsonField root(json, file.string() + ":");
  TokenizerConfig config;
  if (const auto field = root.find("model_max_length")) {
    config.model_max_length = read_length_limit(*field);
  }
  if (const auto field = root.find("model_input_names")) {
    const auto names = field->as_list();
    config.gives_token_types = std::any_of(names.begin(), names.end(), [](const JsonField& name) {
      return name.as_text() == "token_type_ids";
    });
  } else if (const auto kind = root.find("tokenizer_class")) {
    const std::string& name = kind->as_text();
    config.gives_token_types = name != "PreTrainedTokenizerFast" && name != "TokenizersBackend";
  }
  return config;
}

}  // namespace weft
