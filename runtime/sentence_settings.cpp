#include "runtime/sentence_settings.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "runtime/config.h"
#include "runtime/files.h"
#include "runtime/utf8.h"
#include "weft/error.h"

namespace weft {
namespace {

constexpr std::int64_t kLongestSequence = 1 << 30;

constexpr std::array kTransformerSettings = {
    "sentence_bert_config.json",       "sentence_roberta_config.json",
    "sentence_distilbert_config.json", "sentence_camembert_config.json",
    "sentence_albert_config.json",     "sentence_xlm-roberta_config.json",
    "sentence_xlnet_config.json"};

// Arguments that the package hands on to transformers: none but those that change no result.
void refuse_arguments(const Config& config, std::string_view key,
                      std::initializer_list<std::string_view> harmless) {
  const Json* arguments = config.find(key);
  if (arguments == nullptr) return;
  if (!arguments->is_object()) {
    config.invalid(key, fmt::format("expected an object, found {}", arguments->preview()));
  }
  for (const auto& [name, value] : arguments->members()) {
    const bool known = std::find(harmless.begin(), harmless.end(), name) != harmless.end();
    if (!known && !value.is_null()) {
      config.unsupported(key, fmt::format("{} is not supported", in_quotes(name)));
    }
  }
}

struct Task {
  std::string_view name;  // transformer_task
  TransformerTask task;
  std::string_view method_output, module_output;
};

constexpr std::array kTasks = {
    Task{"feature-extraction", TransformerTask::kEmbed, "last_hidden_state", "token_embeddings"},
    Task{"sequence-classification", TransformerTask::kClassify, "logits", "scores"},
    Task{"fill-mask", TransformerTask::kFillMask, "logits", "token_embeddings"},
};

// By transformer_task; `fallback` if the file does not say.
const Task& find_task(const Config& config, TransformerTask fallback) {
  const auto found = std::find_if(kTasks.begin(), kTasks.end(), [&](const Task& task) {
    return config.has("transformer_task") ? config.text("transformer_task") == task.name
                                          : task.task == fallback;
  });
  if (found != kTasks.end()) return *found;
  config.unsupported("transformer_task", fmt::format("{} is not supported",
                                                     config.find("transformer_task")->preview()));
}

// {"text": {"method": "forward", "method_output_name": "last_hidden_state"}}: other modalities do
// not matter.
void check_modality(const Config& config, const Task& task) {
  const Json* modalities = config.find("modality_config");
  if (modalities == nullptr) return;
  const Json* text = modalities->find("text");
  if (text == nullptr || !text->is_object()) {
    config.unsupported("modality_config", "expected the modality \"text\", which is not there");
  }
  const Config way(*text, config.source() + ": modality_config: text");
  way.require("method", "forward");
  way.require("method_output_name", task.method_output);
}

}  // namespace

void read_transformer_settings(const std::filesystem::path& transformer_directory,
                               SentenceModules& result) {
  const auto exists = [&](const char* name) { return is_there(transformer_directory / name); };
  const auto name = std::find_if(kTransformerSettings.begin(), kTransformerSettings.end(), exists);
  if (name == kTransformerSettings.end()) return;
  const Config config = Config::load(transformer_directory / *name);
  const Task& task = find_task(config, result.task);
  result.task = task.task;
  config.require("module_output_name", task.module_output);
  check_modality(config, task);
  for (const char* key : {"model_args", "model_kwargs"}) {
    refuse_arguments(config, key,
                     {"trust_remote_code", "torch_dtype", "dtype", "attn_implementation",
                      "device_map", "low_cpu_mem_usage"});
  }
  for (const char* key : {"config_args", "config_kwargs"}) {
    refuse_arguments(config, key, {"trust_remote_code"});
  }
  for (const char* key : {"tokenizer_args", "processor_kwargs"}) {
    refuse_arguments(config, key, {"trust_remote_code", "use_fast"});
  }
  if (config.has("max_seq_length")) {
    result.max_seq_length = config.integer("max_seq_length", 1, kLongestSequence);
  }
  if (config.has("do_lower_case")) result.do_lower_case = config.flag_or("do_lower_case", false);
}

void read_model_settings(const std::filesystem::path& directory, SentenceModules& result) {
  const std::filesystem::path file = directory / "config_sentence_transformers.json";
  if (!is_there(file)) return;
  const Config config = Config::load(file);
  constexpr std::array<std::string_view, 5> kModelTypes = {
      "SentenceTransformer", "CrossEncoder", "SparseEncoder", "MultiVectorEncoder", "ColBERT"};
  if (config.has("model_type")) {
    const std::string type = config.text("model_type");
    if (std::find(kModelTypes.begin(), kModelTypes.end(), type) == kModelTypes.end()) {
      config.unsupported("model_type", fmt::format("expected one of [{}], found {}",
                                                   fmt::join(kModelTypes, ", "), in_quotes(type)));
    }
  }
  if (const Json* prompts = config.find("prompts"); prompts != nullptr) {
    if (!prompts->is_object()) {
      config.invalid("prompts", fmt::format("expected an object, found {}", prompts->preview()));
    }
    for (const auto& [name, prompt] : prompts->members()) {
      if (prompt.is_null()) continue;
      if (!prompt.is_string()) {
        config.invalid("prompts", fmt::format("{}: expected a string, found {}", in_quotes(name),
                                              prompt.preview()));
      }
      result.prompts[name] = prompt.as_string();
    }
  }
  if (config.has("default_prompt_name")) {
    const std::string name = config.text("default_prompt_name");
    if (!result.prompts.contains(name)) {
      config.invalid("default_prompt_name",
                     fmt::format("expected a name in prompts, found {}", in_quotes(name)));
    }
    result.default_prompt_name = name;
  }
  if (config.has("similarity_fn_name")) {
    result.similarity_fn_name = config.text("similarity_fn_name");
  }
}

}  // namespace weft
