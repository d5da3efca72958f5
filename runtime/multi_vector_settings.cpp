#include "runtime/multi_vector_settings.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "runtime/colbert_checkpoint.h"
#include "runtime/config.h"
#include "runtime/files.h"
#include "runtime/module_list.h"
#include "runtime/utf8.h"

namespace weft {
namespace {

constexpr std::int64_t kLongest = 1 << 30;
constexpr std::int64_t kUsualQueryLength = 32;  // of ColBERT, where a file does not say
constexpr std::string_view kPunctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

Config load_or_empty(const std::filesystem::path& file) {
  return is_there(file) ? Config::load(file) : Config(Json::parse("{}", ""), file.string());
}

std::optional<std::int64_t> length_of(const Config& config, std::string_view key) {
  if (!config.has(key)) return std::nullopt;
  return config.integer(key, 1, kLongest);
}

QueryExpansion read_expansion(const Config& owner) {
  const Json& json = *owner.find("query_expansion");
  if (!json.is_object()) {
    owner.invalid("query_expansion", fmt::format("expected an object, found {}", json.preview()));
  }
  const Config config(json, owner.source() + ": query_expansion");
  QueryExpansion expansion;
  const std::string strategy = config.text("strategy");
  if (strategy != "fixed" && strategy != "min") {
    config.unsupported("strategy", fmt::format("{} is not supported", in_quotes(strategy)));
  }
  if (strategy == "min") expansion.width = QueryExpansion::Width::kAtLeast;
  if (config.flag_or("attend", false)) expansion.seen = QueryExpansion::Seen::kYes;
  expansion.length = config.integer("length", 1, kLongest);
  if (config.has("token")) expansion.token = config.text("token");
  return expansion;
}

// PyLate's flat keys. Expansion is on unless it says otherwise.
std::optional<QueryExpansion> read_pylate_expansion(const Config& config) {
  if (!config.flag_or("do_query_expansion", true)) return std::nullopt;
  QueryExpansion expansion;
  const bool seen =
      config.flag_or("attend_to_expansion_tokens", config.flag_or("attend_to_mask_tokens", false));
  if (seen) expansion.seen = QueryExpansion::Seen::kYes;
  expansion.length = length_of(config, "query_length").value_or(kUsualQueryLength);
  return expansion;
}

/// Also if the value is null, which here means off.
bool says(const Config& config, std::string_view key) {
  return config.object().find(key) != nullptr;
}

void skip_punctuation(MultiVectorSettings& settings) {
  for (const char c : kPunctuation) settings.skipped_words.emplace_back(1, c);
}

void read_mask(const std::filesystem::path& directory, MultiVectorSettings& settings) {
  const Config config = load_or_empty(directory / "config.json");
  if (const Json* kept = config.find("keep_only_token_ids"); kept != nullptr && !kept->is_null()) {
    config.unsupported("keep_only_token_ids", "is not supported");
  }
  settings.skipped_words = config.texts_or_empty("skiplist_words");
  std::vector<std::string> tasks{"document"};
  if (config.has("skiplist_tasks")) {
    const Json& value = *config.find("skiplist_tasks");
    tasks = value.is_string() ? std::vector{value.as_string()}
                              : config.texts_or_empty("skiplist_tasks");
  }
  for (const std::string& task : tasks) {
    if (task != "document" && task != "query") {
      config.unsupported("skiplist_tasks", fmt::format("{} is not supported", in_quotes(task)));
    }
    (task == "query" ? settings.query : settings.document).skips = true;
  }
}

std::string first_prompt(const SentenceModules& sentence,
                         std::initializer_list<const char*> names) {
  for (const char* name : names) {
    const auto found = sentence.prompts.find(name);
    if (found != sentence.prompts.end()) return found->second;
  }
  return {};
}

// PyLate puts a prefix before what may be a prompt as well, once.
void add_prefix(std::string prefix, RoleSettings& role) {
  role.prefix = std::move(prefix);
  if (!role.prompt.starts_with(role.prefix)) role.prompt = role.prefix + role.prompt;
}

// colbert-ai's markers are tokens of the vocabulary that a tokenizer would take apart; it widens
// every query.
void read_colbert_metadata(const std::filesystem::path& directory, MultiVectorSettings& settings) {
  const Config config = load_or_empty(directory / kColbertMetadata);
  add_prefix(config.text_or("query_token_id", "[unused0]") + " ", settings.query);
  add_prefix(config.text_or("doc_token_id", "[unused1]") + " ", settings.document);
  settings.document.max_length = length_of(config, "doc_maxlen");
  settings.document.skips = true;
  if (config.flag_or("mask_punctuation", true)) skip_punctuation(settings);
  QueryExpansion expansion;
  if (config.flag_or("attend_to_mask_tokens", false)) expansion.seen = QueryExpansion::Seen::kYes;
  expansion.length = length_of(config, "query_maxlen").value_or(kUsualQueryLength);
  settings.expansion = expansion;
}

void read_modules_settings(const std::filesystem::path& directory, const SentenceModules& sentence,
                           const std::vector<ModuleEntry>& modules, MultiVectorSettings& settings) {
  const auto mask = std::find_if(modules.begin(), modules.end(), [](const ModuleEntry& entry) {
    return entry.type == "MultiVectorMask";
  });
  const Config pylate = load_or_empty(directory / "config_sentence_transformers.json");
  if (mask != modules.end()) {
    read_mask(mask->directory, settings);
  } else {
    settings.document.skips = true;
    settings.skipped_words = pylate.texts_or_empty("skiplist_words");
    if (!pylate.has("skiplist_words")) {
      skip_punctuation(settings);
    }
  }
  if (pylate.has("query_prefix")) add_prefix(pylate.text("query_prefix"), settings.query);
  if (pylate.has("document_prefix")) {
    add_prefix(pylate.text("document_prefix"), settings.document);
  }

  const Config own = load_or_empty(sentence.transformer_directory / "sentence_bert_config.json");
  const auto either = [&](std::string_view key) {
    const auto found = length_of(own, key);
    return found ? found : length_of(pylate, key);
  };
  settings.document.max_length = either("document_length");
  settings.query.max_length = either("query_length");
  constexpr std::array<std::string_view, 8> kPyLateKeys = {
      "query_length",          "document_length",
      "do_query_expansion",    "attend_to_expansion_tokens",
      "attend_to_mask_tokens", "query_prefix",
      "document_prefix",       "skiplist_words"};
  if (says(own, "query_expansion") || says(pylate, "query_expansion")) {
    const Config& config = says(own, "query_expansion") ? own : pylate;
    if (config.has("query_expansion")) settings.expansion = read_expansion(config);
  } else if (std::any_of(kPyLateKeys.begin(), kPyLateKeys.end(),
                         [&](std::string_view key) { return says(pylate, key); })) {
    settings.expansion = read_pylate_expansion(pylate);
    if (settings.expansion) settings.query.max_length.reset();  // its length is the expansion's
  }
}

std::vector<std::string> describe_role(const MultiVectorSettings& settings,
                                       const RoleSettings& role) {
  std::vector<std::string> parts;
  if (!role.prompt.empty()) parts.push_back("prompt " + in_quotes(role.prompt));
  if (role.max_length) parts.push_back(fmt::format("at most {} tokens", *role.max_length));
  if (role.skips && !settings.skipped_words.empty()) {
    const std::size_t words = settings.skipped_words.size();
    parts.push_back(fmt::format("no vectors for {} {}", words, words == 1 ? "word" : "words"));
  }
  return parts;
}

// Padding on the left would put the expansion before the text.
void require_padding_behind(const std::filesystem::path& transformer_directory) {
  const Config config = load_or_empty(transformer_directory / "tokenizer_config.json");
  if (config.text_or("padding_side", "right") == "right") return;
  config.unsupported("padding_side", "on the left it is not supported with query expansion");
}

}  // namespace

MultiVectorSettings read_multi_vector_settings(const std::filesystem::path& directory,
                                               const SentenceModules& sentence) {
  MultiVectorSettings settings;
  settings.query.prompt = first_prompt(sentence, {"query"});
  settings.document.prompt = first_prompt(sentence, {"document", "passage", "corpus"});
  const std::vector<ModuleEntry> modules = read_module_list(directory);
  if (modules.empty()) {
    read_colbert_metadata(directory, settings);
  } else {
    read_modules_settings(directory, sentence, modules, settings);
  }
  if (settings.expansion) require_padding_behind(sentence.transformer_directory);
  return settings;
}

std::string describe_queries(const MultiVectorSettings& settings) {
  std::vector<std::string> parts = describe_role(settings, settings.query);
  if (!settings.expansion) return fmt::format("{}", fmt::join(parts, ", "));
  const QueryExpansion& expansion = *settings.expansion;
  const bool exactly = expansion.width == QueryExpansion::Width::kExactly;
  parts.push_back(fmt::format("{} {} tokens, widened with {}", exactly ? "exactly" : "at least",
                              expansion.length,
                              expansion.token ? in_quotes(*expansion.token) : "the mask token"));
  if (settings.hides_expansion()) parts.emplace_back("which other tokens do not see");
  return fmt::format("{}", fmt::join(parts, ", "));
}

std::string describe_documents(const MultiVectorSettings& settings) {
  return fmt::format("{}", fmt::join(describe_role(settings, settings.document), ", "));
}

}  // namespace weft
