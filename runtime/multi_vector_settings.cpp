#include "runtime/multi_vector_settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "runtime/config.h"
#include "runtime/module_list.h"
#include "runtime/utf8.h"

namespace weft {
namespace {

constexpr std::int64_t kLongest = 1 << 30;
constexpr std::int64_t kUsualQueryLength = 32;  // of ColBERT, where a file does not say
constexpr std::string_view kPunctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

Config load_or_empty(const std::filesystem::path& file) {
  std::error_code ignored;
  return std::filesystem::exists(file, ignored) ? Config::load(file)
                                                : Config(Json::parse("{}", ""), file.string());
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
void add_prefix(const Config& config, std::string_view key, RoleSettings& role) {
  if (!config.has(key)) return;
  role.prefix = config.text(key);
  if (!role.prompt.starts_with(role.prefix)) role.prompt = role.prefix + role.prompt;
}

}  // namespace

MultiVectorSettings read_multi_vector_settings(const std::filesystem::path& directory,
                                               const SentenceModules& sentence) {
  MultiVectorSettings settings;
  settings.query.prompt = first_prompt(sentence, {"query"});
  settings.document.prompt = first_prompt(sentence, {"document", "passage", "corpus"});

  const std::vector<ModuleEntry> modules = read_module_list(directory);
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
      for (const char c : kPunctuation) settings.skipped_words.emplace_back(1, c);
    }
  }
  add_prefix(pylate, "query_prefix", settings.query);
  add_prefix(pylate, "document_prefix", settings.document);

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
  return settings;
}

}  // namespace weft
