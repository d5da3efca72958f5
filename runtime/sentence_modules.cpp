#include "runtime/sentence_modules.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "runtime/colbert_checkpoint.h"
#include "runtime/config.h"
#include "runtime/files.h"
#include "runtime/module_list.h"
#include "runtime/sentence_settings.h"
#include "runtime/utf8.h"
#include "weft/error.h"

namespace weft {
namespace {

constexpr std::int64_t kLargestSize = 1 << 24;
constexpr const char* kEmbedding = "sentence_embedding";
constexpr const char* kTokens = "token_embeddings";

constexpr std::array kPoolings = {Pooling::kCls,          Pooling::kMax,
                                  Pooling::kMean,         Pooling::kMeanSqrtLen,
                                  Pooling::kWeightedMean, Pooling::kLastToken};

// The older generation's flags, in the order of concatenation, which is that of kPoolings.
constexpr std::array<const char*, 6> kFlags = {
    "pooling_mode_cls_token",           "pooling_mode_max_tokens",
    "pooling_mode_mean_tokens",         "pooling_mode_mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens", "pooling_mode_lasttoken"};

constexpr std::array<std::pair<const char*, Activation>, 8> kActivations = {{
    {"torch.nn.modules.linear.Identity", Activation::kNone},
    {"torch.nn.modules.activation.Tanh", Activation::kTanh},
    {"torch.nn.modules.activation.ReLU", Activation::kRelu},
    {"torch.nn.modules.activation.GELU", Activation::kGelu},
    {"torch.nn.modules.activation.SiLU", Activation::kSilu},
    {"torch.nn.modules.activation.Sigmoid", Activation::kSigmoid},
    {"torch.nn.Identity", Activation::kNone},
    {"torch.nn.Tanh", Activation::kTanh},
}};

Pooling pooling_from_name(const Config& config, std::string_view name) {
  for (const Pooling pooling : kPoolings) {
    if (name == to_string(pooling)) return pooling;
  }
  config.unsupported("pooling_mode", fmt::format("unknown mode {}", in_quotes(name)));
}

std::vector<Pooling> pooling_modes(const Config& config) {
  std::vector<Pooling> modes;
  if (const Json* mode = config.find("pooling_mode"); mode != nullptr) {
    const std::vector<std::string> names = mode->is_string()
                                               ? std::vector<std::string>{mode->as_string()}
                                               : config.texts_or_empty("pooling_mode");
    for (const std::string& name : names) modes.push_back(pooling_from_name(config, name));
    if (modes.empty()) config.invalid("pooling_mode", "expected at least one mode, found none");
    return modes;
  }
  for (std::size_t i = 0; i < kFlags.size(); ++i) {
    if (config.flag_or(kFlags[i], false)) modes.push_back(kPoolings[i]);
  }
  if (modes.empty()) modes.push_back(Pooling::kMean);
  return modes;
}

SentenceModule read_pooling(const std::filesystem::path& directory, std::int64_t hidden_size) {
  const Config config = Config::load(directory / "config.json");
  for (const std::string& key : config.keys()) {
    const bool known = key == "embedding_dimension" || key == "word_embedding_dimension" ||
                       key == "pooling_mode" || key == "include_prompt" ||
                       std::find(kFlags.begin(), kFlags.end(), key) != kFlags.end();
    if (!known) config.unsupported(key, "unknown option of Pooling");
  }
  const char* key =
      config.has("embedding_dimension") ? "embedding_dimension" : "word_embedding_dimension";
  if (config.integer(key, 1, kLargestSize) != hidden_size) {
    config.invalid(key, fmt::format("expected {}, the transformer's hidden size, found {}",
                                    hidden_size, config.find(key)->preview()));
  }
  SentenceModule module;
  module.kind = SentenceModule::Kind::kPooling;
  module.pooling.modes = pooling_modes(config);
  module.pooling.include_prompt =
      config.flag_or("include_prompt", true) ? IncludePrompt::kYes : IncludePrompt::kNo;
  return module;
}

// A member that is null means Identity, one that is absent means Tanh: the package's defaults.
Activation dense_activation(const Config& config, const Json& json) {
  constexpr std::string_view kKey = "activation_function";
  const Json* value = json.find(kKey);
  if (value == nullptr) return Activation::kTanh;
  if (value->is_null()) return Activation::kNone;
  const std::string name = config.text(kKey);
  for (const auto& [known, activation] : kActivations) {
    if (name == known) return activation;
  }
  config.unsupported(kKey, fmt::format("{} is not supported", in_quotes(name)));
}

// `values`: what it reads and writes.
SentenceModule read_dense(const ModuleEntry& entry, std::int64_t in_features, const char* values,
                          std::vector<std::string>& warnings) {
  const std::filesystem::path& directory = entry.directory;
  const Config config = Config::load(directory / "config.json");
  const bool has_residual = entry.package == "pylate";  // sentence-transformers ignores the key
  config.require("module_input_name", values);
  config.require("module_output_name", values);
  if (!has_residual) config.require("use_residual", false);
  constexpr std::array<std::string_view, 7> kKeys = {
      "in_features",       "out_features",       "bias",        "activation_function",
      "module_input_name", "module_output_name", "use_residual"};
  for (const std::string& key : config.keys()) {
    if (std::find(kKeys.begin(), kKeys.end(), key) == kKeys.end()) {
      warnings.push_back(fmt::format("{}: {} is not an option of Dense and is ignored",
                                     config.source(), in_quotes(key)));
    }
  }
  if (config.integer("in_features", 1, kLargestSize) != in_features) {
    config.invalid("in_features", fmt::format("expected {}, what comes before, found {}",
                                              in_features, config.find("in_features")->preview()));
  }
  const std::int64_t out_features = config.integer("out_features", 1, kLargestSize);

  SentenceModule module;
  module.kind = SentenceModule::Kind::kDense;
  module.dense.activation = dense_activation(config, config.object());
  const Weights weights = Weights::open(directory);
  const Weights linear = weights.sub("linear");
  module.dense.weight = linear.get("weight", {out_features, in_features});
  if (config.flag_or("bias", true)) module.dense.bias = linear.get("bias", {out_features});
  module.dense.adds_input = has_residual && config.flag_or("use_residual", false);
  if (module.dense.adds_input && in_features != out_features) {
    module.dense.residual = weights.sub("residual").get("weight", {out_features, in_features});
  }
  if (const std::vector<std::string> unused = weights.unused(); !unused.empty()) {
    throw Error(Reason::kCorruptFile,
                fmt::format("{}: tensor {} is unexpected in a Dense module",
                            weights.files().front(), in_quotes(unused.front())));
  }
  return module;
}

// The directory may be missing: version control drops an empty one.
SentenceModule read_normalize(const std::filesystem::path& directory, const char* values) {
  const std::filesystem::path file = directory / "config.json";
  if (is_there(file)) {
    const Config config = Config::load(file);
    config.require("module_input_name", values);
    config.require("module_output_name", values);
  }
  SentenceModule module;
  module.kind = SentenceModule::Kind::kNormalize;
  return module;
}

SpladePooling read_splade(const std::filesystem::path& directory) {
  const Config config = Config::load(directory / "config.json");
  SpladePooling pooling;
  const std::string strategy = config.text_or("pooling_strategy", "max");
  if (strategy != "max" && strategy != "sum") {
    config.unsupported("pooling_strategy", fmt::format("{} is not supported", in_quotes(strategy)));
  }
  if (strategy == "sum") pooling.strategy = SpladePooling::Strategy::kSum;
  const std::string activation = config.text_or("activation_function", "relu");
  if (activation != "relu" && activation != "log1p_relu") {
    config.unsupported("activation_function",
                       fmt::format("{} is not supported", in_quotes(activation)));
  }
  if (activation == "log1p_relu") pooling.saturation = SpladePooling::Saturation::kLogTwice;
  return pooling;
}

bool has_type(const std::vector<ModuleEntry>& list, const char* type) {
  return std::any_of(list.begin(), list.end(),
                     [&](const ModuleEntry& entry) { return entry.type == type; });
}

// A model of token vectors has no Pooling. A Dense of pylate reads tokens without saying so.
bool has_token_vectors(const std::vector<ModuleEntry>& list) {
  if (has_type(list, "Pooling")) return false;
  return has_type(list, "MultiVectorMask") ||
         std::any_of(list.begin(), list.end(),
                     [](const ModuleEntry& entry) { return entry.package == "pylate"; });
}

void read_token_modules(const std::vector<ModuleEntry>& list, std::int64_t hidden_size,
                        SentenceModules& result) {
  std::int64_t width = hidden_size;
  for (std::size_t i = 1; i < list.size(); ++i) {
    const ModuleEntry& entry = list[i];
    if (entry.type == "Dense") {
      result.token_modules.push_back(read_dense(entry, width, kTokens, result.warnings));
      width = result.token_modules.back().dense.weight.rows();
    } else if (entry.type == "Normalize") {
      result.token_modules.push_back(read_normalize(entry.directory, kTokens));
    } else if (entry.type != "MultiVectorMask") {  // which chooses among tokens, of texts only
      throw Error(Reason::kUnsupported,
                  fmt::format("modules.json: module {}: expected Dense, Normalize or "
                              "MultiVectorMask in a model of token vectors",
                              in_quotes(entry.type)));
    }
  }
  // Directories of pylate leave the mask and the final Normalize to the program.
  if (!has_type(list, "MultiVectorMask") && !has_type(list, "Normalize")) {
    SentenceModule normalize;
    normalize.kind = SentenceModule::Kind::kNormalize;
    result.token_modules.push_back(normalize);
  }
}

void read_modules(const std::filesystem::path& directory, const std::vector<ModuleEntry>& list,
                  std::int64_t hidden_size, SentenceModules& result) {
  const auto refuse = [&](const ModuleEntry& entry, const char* problem) {
    throw Error(Reason::kUnsupported,
                fmt::format("{}: module {}: {}", (directory / "modules.json").string(),
                            in_quotes(entry.type), problem));
  };
  if (result.task == TransformerTask::kClassify) {
    if (list.size() > 1)
      refuse(list[1], "is not supported, as transformer_task is sequence-classification");
    return;
  }
  if (result.task == TransformerTask::kFillMask) {
    if (list.size() != 2 || list[1].type != "SpladePooling") {
      refuse(list.back(), "expected SpladePooling alone, as transformer_task is fill-mask");
    }
    result.splade = read_splade(list[1].directory);
    return;
  }
  if (has_token_vectors(list)) {
    result.task = TransformerTask::kTokenVectors;
    return read_token_modules(list, hidden_size, result);
  }
  std::int64_t width = 0;  // of the sentence embedding; 0 before Pooling
  for (std::size_t i = 1; i < list.size(); ++i) {
    const ModuleEntry& entry = list[i];
    if (entry.type == "Pooling") {
      if (width != 0) refuse(entry, "a second Pooling is not supported");
      result.modules.push_back(read_pooling(entry.directory, hidden_size));
      const auto modes = static_cast<std::int64_t>(result.modules.back().pooling.modes.size());
      width = hidden_size * modes;
    } else if (entry.type == "Dense" || entry.type == "Normalize") {
      if (width == 0) refuse(entry, "before Pooling it is not supported");
      if (entry.type == "Normalize") {
        result.modules.push_back(read_normalize(entry.directory, kEmbedding));
      } else {
        result.modules.push_back(read_dense(entry, width, kEmbedding, result.warnings));
        width = result.modules.back().dense.weight.rows();
      }
    } else {
      refuse(entry, "unknown; supported are Transformer, Pooling, Dense and Normalize");
    }
  }
  if (width == 0) refuse(list.front(), "expected a Pooling after it, found none");
}

}  // namespace

std::filesystem::path find_transformer_directory(const std::filesystem::path& directory) {
  const std::vector<ModuleEntry> list = read_module_list(directory);
  return list.empty() ? directory : list.front().directory;
}

bool gives_token_vectors(const std::filesystem::path& directory) {
  const std::vector<ModuleEntry> list = read_module_list(directory);
  return list.empty() ? is_colbert_checkpoint(directory) : has_token_vectors(list);
}

SentenceModules read_sentence_modules(const std::filesystem::path& directory,
                                      std::int64_t hidden_size, const Weights* checkpoint) {
  SentenceModules result;
  const std::vector<ModuleEntry> list = read_module_list(directory);
  result.transformer_directory = list.empty() ? directory : list.front().directory;
  if (!list.empty() && list.front().type == "MLMTransformer") {
    result.task = TransformerTask::kFillMask;
  }
  read_transformer_settings(result.transformer_directory, result);
  if (!list.empty()) {
    read_modules(directory, list, hidden_size, result);
  } else if (is_colbert_checkpoint(directory)) {
    result.task = TransformerTask::kTokenVectors;
    result.token_modules = read_colbert_modules(
        checkpoint != nullptr ? *checkpoint : Weights::open(directory), hidden_size);
  } else {
    const std::filesystem::path pooling = directory / "1_Pooling";
    if (is_there(pooling / "config.json")) {
      result.modules.push_back(read_pooling(pooling, hidden_size));
    }
  }
  read_model_settings(directory, result);
  return result;
}

}  // namespace weft
