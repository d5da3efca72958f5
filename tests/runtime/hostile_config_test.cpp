// Configurations that weft must refuse: nothing that changes the mathematics is ever ignored.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "tests/failure.h"
#include "tests/paths.h"
#include "tests/temporary_directory.h"
#include "weft/transformer_model.h"

namespace weft::test {
namespace {

namespace fs = std::filesystem;

/// A golden model whose config.json, one key a line, has one key replaced, added or (with an empty
/// value) taken away.
class ChangedModel {
 public:
  ChangedModel(const std::string& model, const std::string& key, const std::string& value) {
    const fs::path source = golden(model);
    for (const auto& entry : fs::directory_iterator(source)) {
      if (entry.path().filename().string().starts_with("model")) {
        fs::create_symlink(entry.path(), directory_.path() / entry.path().filename());
      }
    }
    std::ifstream stream(source / "config.json");
    std::string text = value.empty() ? "{" : fmt::format("{{\n\"{}\": {},", key, value);
    const std::string known = fmt::format("  \"{}\":", key);
    std::string line;
    std::getline(stream, line);  // {
    while (std::getline(stream, line)) {
      if (!line.starts_with(known)) text += "\n" + line;
    }
    const auto comma = text.rfind(',');  // the last key may have been taken away
    if (text.find_first_not_of(" \n}", comma + 1) == std::string::npos) text.erase(comma, 1);
    directory_.write("config.json", text);
  }

  Failure failure() const {
    return failure_of([&] { (void)TransformerModel::load(directory_.path()); });
  }

 private:
  TemporaryDirectory directory_;
};

struct SizeKeys {
  std::string hidden, layers, heads, intermediate, activation, layer_prefix;
};

/// The keys of one architecture, by its folder of goldens.
SizeKeys size_keys(const std::string& model) {
  static const std::map<std::string, SizeKeys> kOthers{
      {"distilbert",
       {"dim", "n_layers", "n_heads", "hidden_dim", "activation", "transformer.layer."}},
      {"albert", {"hidden_size", "", "num_attention_heads", "intermediate_size", "hidden_act", ""}},
  };
  const auto found = kOthers.find(model.substr(0, model.find('/')));
  if (found != kOthers.end()) return found->second;
  return {"hidden_size",       "num_hidden_layers", "num_attention_heads",
          "intermediate_size", "hidden_act",        "layer."};
}

void check(const std::string& model, const std::string& key, const std::string& value,
           std::string_view reason, const std::string& part) {
  CAPTURE(model);
  CAPTURE(key);
  CAPTURE(value);
  const Failure failure = ChangedModel(model, key, value).failure();
  CAPTURE(failure.message);
  CHECK(failure.reason == reason);
  CHECK(failure.says(part));
}

}  // namespace

TEST_CASE("sizes that are no sizes are refused by name, in every architecture") {
  for (const std::string& model : golden_cases()) {
    const SizeKeys keys = size_keys(model);
    for (const std::string& key : {keys.hidden, keys.heads, keys.intermediate, keys.layers}) {
      if (key.empty()) continue;
      for (const char* value : {"0", "-1", "1.5", "\"768\"", "2147483648", "[4]", ""}) {
        check(model, key, value, "INVALID_ARGUMENT", fmt::format("config.json: {}: expected", key));
      }
    }
    check(model, keys.hidden, "1000003", "INVALID_ARGUMENT", keys.hidden);
    check(model, keys.intermediate, "1000003", "CORRUPT_FILE", "1000003");
    check(model, "vocab_size", "1000003", "CORRUPT_FILE", "expected [1000003");
    if (!keys.layer_prefix.empty()) {
      check(model, keys.layers, "1000", "NOT_FOUND", keys.layer_prefix);
      check(model, keys.layers, "1000000000", "INVALID_ARGUMENT", keys.layers);
    }
  }
}

TEST_CASE("what changes the mathematics and is not built is refused by name") {
  for (const std::string& model : golden_cases()) {
    check(model, size_keys(model).activation, "\"mish\"", "UNSUPPORTED", "mish");
    check(model, "quantization_config", "{}", "UNSUPPORTED", "quantization_config");
    check(model, "pruned_heads", "{\"0\": [1]}", "UNSUPPORTED", "pruned_heads");
    check(model, "is_decoder", "true", "UNSUPPORTED", "is_decoder: true is not supported");
    check(model, "add_cross_attention", "true", "UNSUPPORTED", "add_cross_attention");
    check(model, "model_type", "\"xlnet\"", "UNSUPPORTED", "model_type: expected one of [albert");
    check(model, "model_type", "", "INVALID_ARGUMENT", "model_type: expected a string");
  }
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
