// Configurations that weft must refuse: nothing that changes the mathematics is ever ignored.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "runtime/config.h"
#include "tests/failure.h"
#include "tests/paths.h"
#include "tests/runtime/changed_model.h"
#include "tests/temporary_directory.h"
#include "weft/transformer_model.h"

namespace weft::test {
namespace {

namespace fs = std::filesystem;

Config config_of(const std::string& model) { return Config::load(golden(model) / "config.json"); }

/// Which of the spellings a config has; empty: none.
std::string key_of(const Config& config, const std::vector<std::string>& spellings) {
  for (const std::string& key : spellings) {
    if (config.has(key)) return key;
  }
  return {};
}

/// What a config calls its sizes: a new architecture needs a line only for a new spelling.
struct SizeKeys {
  explicit SizeKeys(const Config& config)
      : hidden(key_of(config, {"hidden_size", "dim", "d_model", "n_embd", "embed_dim"})),
        layers(key_of(config, {"num_hidden_layers", "n_layers", "num_layers", "n_layer"})),
        heads(key_of(config, {"num_attention_heads", "n_heads", "num_heads", "n_head", "nhead"})),
        intermediate(key_of(
            config, {"intermediate_size", "hidden_dim", "d_ff", "n_inner", "dim_feedforward"})) {}

  std::string hidden, layers, heads, intermediate;
};

const std::vector<std::string> kActivationKeys{"hidden_act",          "hidden_activation",
                                               "activation",          "feed_forward_proj",
                                               "activation_function", "feed_forward_type"};

void check(const std::string& model, const std::string& key, const std::string& value,
           std::string_view reason, const std::string& part) {
  CAPTURE(model);
  CAPTURE(key);
  CAPTURE(value);
  const ChangedModel changed(model, key, value);
  const Failure failure = failure_of([&] { (void)TransformerModel::load(changed.path()); });
  CAPTURE(failure.message);
  CHECK(failure.reason == reason);
  CHECK(failure.says(part));
}

}  // namespace

TEST_CASE("sizes that are no sizes are refused by name, in every architecture") {
  for (const std::string& model : golden_cases()) {
    CAPTURE(model);
    const Config config = config_of(model);
    const SizeKeys keys(config);
    REQUIRE(!keys.hidden.empty());
    REQUIRE(!keys.heads.empty());
    for (const std::string& key : {keys.hidden, keys.heads, keys.intermediate, keys.layers}) {
      if (key.empty()) continue;
      for (const char* value : {"0", "-1", "1.5", "\"768\"", "2147483648", "[4]", ""}) {
        check(model, key, value, "INVALID_ARGUMENT", fmt::format("config.json: {}: expected", key));
      }
    }
    const bool heads_divide = !config.has("d_kv");
    check(model, keys.hidden, "1000003", heads_divide ? "INVALID_ARGUMENT" : "CORRUPT_FILE",
          heads_divide ? keys.hidden : "expected [");
    if (!keys.intermediate.empty()) {
      check(model, keys.intermediate, "1000003", "CORRUPT_FILE", "expected [");
    }
    if (fs::exists(golden(model) / "ragged.input.safetensors")) {
      check(model, "vocab_size", "1000000", "CORRUPT_FILE", "expected [1000000");
    }
    if (keys.layers.empty()) continue;
    check(model, keys.layers, "1000000000", "INVALID_ARGUMENT", keys.layers);
    if (model.starts_with("albert/")) continue;  // any number of layers shares the weights of one
    const bool listed = config.has("layer_types");  // one entry per layer
    check(model, keys.layers, "1000", listed ? "INVALID_ARGUMENT" : "NOT_FOUND",
          listed ? "layer_types" : fmt::format(".{}.", config.integer(keys.layers, 1, 100)));
  }
}

TEST_CASE("an activation that is not built is refused, under the key that the architecture reads") {
  for (const std::string& model : golden_cases()) {
    CAPTURE(model);
    const SizeKeys keys(config_of(model));
    if (keys.layers.empty() && keys.intermediate.empty()) continue;  // attention alone
    CHECK(std::any_of(kActivationKeys.begin(), kActivationKeys.end(), [&](const std::string& key) {
      const ChangedModel changed(model, key, "\"mish\"");
      try {
        (void)TransformerModel::load(changed.path());
      } catch (const Error& error) {
        const std::string message = error.what();
        return error.reason() == Reason::kUnsupported && message.find(key) != std::string::npos &&
               message.find("mish") != std::string::npos;
      }
      return false;  // a key that this architecture does not read
    }));
  }
}

TEST_CASE("what changes the mathematics and is not built is refused by name") {
  for (const std::string& model : golden_cases()) {
    check(model, "quantization_config", "{}", "UNSUPPORTED", "quantization_config");
    check(model, "pruned_heads", "{\"0\": [1]}", "UNSUPPORTED", "pruned_heads");
    check(model, "is_decoder", "true", "UNSUPPORTED", "is_decoder: true is not supported");
    check(model, "add_cross_attention", "true", "UNSUPPORTED", "add_cross_attention");
    check(model, "model_type", "\"xlnet\"", "UNSUPPORTED", "model_type: expected one of [albert");
    check(model, "model_type", "", "INVALID_ARGUMENT", "model_type: expected a string");
  }
  for (const char* key : {"add_bias_kv", "add_zero_attn"}) {
    check("torch_attention/biased", key, "true", "UNSUPPORTED", key);
  }
  check("torch_attention/biased", "kdim", "7", "UNSUPPORTED", "kdim: 7 is not supported, only 27");
  for (const char* model : {"bert/gelu_new", "roberta/pad_ids_in_texts", "albert/defaults"}) {
    for (const char* value : {"\"relative_key\"", "\"relative_key_query\""}) {
      check(model, "position_embedding_type", value, "UNSUPPORTED", "position_embedding_type");
    }
    check(model, "auto_map", "{}", "UNSUPPORTED", "auto_map");
    check(model, "layer_norm_eps", "0", "INVALID_ARGUMENT", "layer_norm_eps: expected a number");
    check(model, "layer_norm_eps", "-1e-12", "INVALID_ARGUMENT", "layer_norm_eps");
  }
}

TEST_CASE("positions that leave no room for a token are refused") {
  check("roberta/pad_ids_in_texts", "pad_token_id", "13", "INVALID_ARGUMENT",
        "max_position_embeddings: expected more than pad_token_id (13) + 1, found 14");
  check("roberta/pad_ids_in_texts", "pad_token_id", "-1", "INVALID_ARGUMENT", "pad_token_id");
}

TEST_CASE("shared layers cannot be asked for without end") {
  check("albert/groups", "num_hidden_layers", "1025", "INVALID_ARGUMENT", "num_hidden_layers");
  check("albert/groups", "inner_group_num", "400", "INVALID_ARGUMENT", "inner_group_num");
  check("albert/groups", "num_hidden_groups", "3", "NOT_FOUND", "albert_layer_groups.2");
}

TEST_CASE("positions, windows, gates and biases that are not built are refused by name") {
  const auto refused = [](const char* model, const char* key, const char* value, const char* part) {
    check(model, key, value, "UNSUPPORTED", part);
  };
  refused("mpnet/pad_ids_in_texts", "relative_attention_num_buckets", "64",
          "relative_attention_num_buckets: 64 is not supported, only 32");
  refused("modernbert/today", "rope_parameters", "{\"rope_type\": \"default\"}", "rope_type");
  refused("modernbert/today", "rope_parameters", "{\"full_attention\": {\"rope_type\": \"yarn\"}}",
          "rope_parameters: full_attention: rope_type: \"yarn\" is not supported");
  refused("modernbert/older", "layer_types", "[\"full_attention\", \"chunked_attention\"]",
          "layer_types: \"chunked_attention\"");
  check("modernbert/older", "layer_types", "[\"full_attention\"]", "INVALID_ARGUMENT",
        "layer_types: expected num_hidden_layers (3) of them, found 1");
  check("modernbert/older", "local_attention", "0", "INVALID_ARGUMENT", "local_attention");
  check("modernbert/older", "global_attn_every_n_layers", "0", "INVALID_ARGUMENT",
        "global_attn_every_n_layers");
  check("modernbert/older", "max_position_embeddings", "1000000", "INVALID_ARGUMENT",
        "max_position_embeddings");
  for (const char* model : {"gte/today", "nomic_bert/today"}) {
    refused(model, "rope_parameters", "{\"rope_type\": \"llama3\", \"factor\": 2}", "\"llama3\"");
    refused(model, "rope_parameters", "{\"partial_rotary_factor\": 0.5}", "partial_rotary_factor");
    check(model, "rope_parameters", "3", "INVALID_ARGUMENT", "rope_parameters: expected an object");
    check(model, "rope_parameters", "{\"rope_type\": \"linear\"}", "INVALID_ARGUMENT", "factor");
    check(model, "rope_parameters", "{\"rope_theta\": 0}", "INVALID_ARGUMENT", "rope_theta");
  }
  refused("new/ntk", "rope_scaling", "{\"type\": \"ntk\", \"factor\": 2, \"mixed_b\": 0.5}",
          "rope_scaling: mixed_b");
  refused("new/ntk", "position_embedding_type", "\"absolute\"", "position_embedding_type");
  refused("new/ntk", "layer_norm_type", "\"rms_norm\"", "layer_norm_type");
  refused("new/ntk", "logn_attention_scale", "true", "logn_attention_scale");
  refused("nomic_bert/older", "moe_every_n_layers", "2", "moe_every_n_layers: mixtures");
  refused("nomic_bert/older", "prenorm", "true", "prenorm: true is not supported");
  refused("nomic_bert/older", "norm_mlp", "true", "norm_mlp: true is not supported");
  refused("nomic_bert/older", "num_heads_kv", "1", "num_heads_kv: 1 is not supported, only 3");
  refused("nomic_bert/older", "rotary_emb_scale_base", "512", "rotary_emb_scale_base");
  refused("nomic_bert/older", "rotary_emb_fraction", "0.4",
          "rotary_emb_fraction: expected an even number of a head's 8 columns, found 3.2");
  refused("nomic_bert/today", "head_dim", "4", "head_dim: 4 is not supported, only 8");
  refused("nomic_bert/today", "prenorm", "true", "prenorm: true is not supported");
  refused("nomic_bert/older", "rotary_emb_fraction", "0.0", "rotary_emb_fraction");
  refused("nomic_bert/older", "rotary_emb_fraction", "", "rotary_emb_fraction");
  refused("nomic_bert/older", "use_rms_norm", "true", "use_rms_norm");
  refused("deberta-v2/v3", "pos_att_type", "\"p2c|p2p\"", "pos_att_type: \"p2p\"");
  refused("deberta-v2/v3", "norm_rel_ebd", "\"rms_norm\"", "norm_rel_ebd: \"rms_norm\"");
  refused("deberta-v2/v3", "attention_head_size", "4", "attention_head_size: 4");
  refused("deberta-v2/convolution", "conv_kernel_size", "2", "conv_kernel_size: 2");
  refused("deberta-v2/convolution", "conv_groups", "2", "conv_groups: 2");
  refused("deberta-v2/convolution", "conv_act", "\"mish\"", "conv_act");
  check("deberta-v2/v3", "position_buckets", "70000", "INVALID_ARGUMENT", "position_buckets");
  for (const char* value : {"2", "3", "60000"}) {
    check("deberta-v2/v3", "position_buckets", value, "INVALID_ARGUMENT",
          "position_buckets: expected 4 to less than");
  }
  check("deberta-v2/v3", "position_buckets", "6", "CORRUPT_FILE", "rel_embeddings.weight");
  check("deberta-v2/v3", "max_relative_positions", "1000000", "INVALID_ARGUMENT",
        "max_relative_positions");
  refused("jina_bert/reglu", "feed_forward_type", "\"original\"", "feed_forward_type");
  refused("ernie/task", "position_embedding_type", "\"relative_key\"", "position_embedding_type");
  check("ernie/task", "task_type_vocab_size", "3", "CORRUPT_FILE", "task_type_embeddings.weight");
  check("ernie/defaults", "use_task_id", "true", "NOT_FOUND", "task_type_embeddings.weight");
  refused("megatron-bert/defaults", "position_embedding_type", "\"relative_key\"",
          "position_embedding_type");
  check("eurobert/grouped_heads", "num_key_value_heads", "3", "INVALID_ARGUMENT",
        "num_key_value_heads: expected a divisor of num_attention_heads (4), found 3");
  check("eurobert/grouped_heads", "head_dim", "8", "CORRUPT_FILE", "q_proj.weight");
  refused("eurobert/older", "rope_scaling", "{\"type\": \"yarn\", \"factor\": 2}", "\"yarn\"");
  check("t5/relu", "d_kv", "0", "INVALID_ARGUMENT", "d_kv: expected an integer");
  check("t5/relu", "relative_attention_num_buckets", "1000000", "INVALID_ARGUMENT",
        "relative_attention_num_buckets");
  check("t5/relu", "layer_norm_epsilon", "-1", "INVALID_ARGUMENT", "layer_norm_epsilon");
}

TEST_CASE("images that cannot be cut into patches are refused") {
  for (const char* value : {"0", "-1", "\"8\"", "[8]", "[8, 8, 8]", "[8, 0]", "[8, 1.5]", "{}"}) {
    check("vit/new_names", "image_size", value, "INVALID_ARGUMENT", "image_size: expected");
    check("vit/new_names", "patch_size", value, "INVALID_ARGUMENT", "patch_size: expected");
  }
  check("vit/new_names", "patch_size", "9", "INVALID_ARGUMENT", "patch_size: expected at most");
  check("vit/new_names", "image_size", "16777216", "INVALID_ARGUMENT", "image_size: expected");
  check("vit/new_names", "image_size", "12", "CORRUPT_FILE",
        "position_embeddings: expected [1, 10");
  check("vit/new_names", "num_channels", "4", "CORRUPT_FILE", "expected [20, 4, 4, 4]");
  check("dinov2/swiglu", "image_size", "[8, 12]", "UNSUPPORTED", "image_size: [8, 12]");
  check("dinov2/swiglu", "head_dim", "5", "UNSUPPORTED", "head_dim: 5 is not supported, only 10");
  check("dinov2/swiglu", "mlp_ratio", "0", "INVALID_ARGUMENT", "mlp_ratio: expected an integer");
  check("dinov2/swiglu", "mlp_ratio", "3", "CORRUPT_FILE",
        "weights_in.bias: expected [80], file has [112]");
}

TEST_CASE("a file without the embeddings names every spelling that was tried") {
  const TemporaryDirectory directory;
  fs::copy(golden("roberta/pad_ids_in_texts") / "config.json", directory.path() / "config.json");
  fs::copy(golden("distilbert/five_heads") / "model.safetensors",
           directory.path() / "model.safetensors");
  const Failure failure = failure_of([&] { (void)TransformerModel::load(directory.path()); });
  CHECK(failure.reason == "NOT_FOUND");
  CHECK(
      failure.says("no tensor embeddings.word_embeddings.weight or "
                   "roberta.embeddings.word_embeddings.weight or "));
}

}  // namespace weft::test
