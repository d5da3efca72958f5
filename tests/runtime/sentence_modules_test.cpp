#include "runtime/sentence_modules.h"

#include <doctest/doctest.h>

#include <string>

#include "tests/failure.h"
#include "tests/paths.h"
#include "tests/temporary_directory.h"
#include "weft/safetensors.h"

namespace weft::test {
namespace {

using Modes = std::vector<Pooling>;

// A directory with a Transformer and a mean Pooling of 4 columns.
class ModelDirectory {
 public:
  ModelDirectory() {
    modules("Pooling");
    pooling(R"({"word_embedding_dimension": 4, "pooling_mode_mean_tokens": true})");
  }

  void modules(const std::string& types) const {  // after the Transformer, with blanks between
    std::string list = R"([{"idx":0,"path":"","type":"sentence_transformers.models.Transformer"})";
    int i = 1;
    for (std::size_t at = 0; at < types.size(); ++i) {
      const std::size_t end = std::min(types.find(' ', at), types.size());
      const std::string type = types.substr(at, end - at);
      list += ",{\"idx\":" + std::to_string(i) + ",\"path\":\"" + std::to_string(i) + "_" + type +
              "\",\"type\":\"sentence_transformers.models." + type + "\"}";
      at = end + 1;
    }
    write("modules.json", list + "]");
  }
  void pooling(const std::string& text) const { write("1_Pooling/config.json", text); }
  void dense(const std::string& folder, const std::string& text, std::int64_t out,
             std::int64_t in) const {
    write(folder + "/config.json", text);
    write_safetensors(path() / folder / "model.safetensors",
                      {{"linear.weight", Array(DType::kF32, {out, in})},
                       {"linear.bias", Array(DType::kF32, {out})}});
  }
  void write(const std::string& name, const std::string& text) const {
    directory_.write(name, text);
  }
  SentenceModules read() const { return read_sentence_modules(path(), 4); }
  const std::filesystem::path& path() const { return directory_.path(); }

 private:
  TemporaryDirectory directory_;
};

}  // namespace

TEST_CASE("the older generation of files is read") {
  const SentenceModules found = read_sentence_modules(golden("sentence") / "old_generation", 16);
  REQUIRE(found.modules.size() == 3);
  CHECK(found.modules[0].pooling.modes == Modes{Pooling::kCls, Pooling::kMax, Pooling::kMean});
  CHECK(found.modules[0].pooling.include_prompt == IncludePrompt::kYes);
  CHECK(found.modules[1].dense.weight.rows() == 20);
  CHECK(found.modules[1].dense.weight.cols() == 48);
  CHECK(found.modules[1].dense.activation == Activation::kTanh);
  CHECK(static_cast<bool>(found.modules[1].dense.bias));
  CHECK(found.modules[2].kind == SentenceModule::Kind::kNormalize);
  CHECK(found.max_seq_length == 14);
  CHECK(found.do_lower_case == false);
  CHECK(found.prompts.at("query") == "query: ");
  CHECK(found.default_prompt_name == "query");
  CHECK(found.similarity_fn_name == "cosine");
  CHECK(found.warnings.empty());
}

TEST_CASE("the newer generation of files is read") {
  const SentenceModules found = read_sentence_modules(golden("sentence") / "new_generation", 16);
  REQUIRE(found.modules.size() == 3);
  CHECK(found.modules[0].pooling.modes ==
        Modes{Pooling::kWeightedMean, Pooling::kLastToken, Pooling::kMean, Pooling::kCls});
  CHECK(found.modules[0].pooling.include_prompt == IncludePrompt::kNo);
  CHECK(found.modules[1].dense.activation == Activation::kNone);
  CHECK_FALSE(static_cast<bool>(found.modules[1].dense.bias));
  CHECK_FALSE(found.max_seq_length);
  CHECK(found.default_prompt_name == "passage");
}

TEST_CASE("the transformer may lie in a folder of its own") {
  const auto directory = golden("sentence") / "all_modes";
  CHECK(find_transformer_directory(directory) == directory / "0_Transformer");
  const SentenceModules found = read_sentence_modules(directory, 8);
  CHECK(found.transformer_directory == directory / "0_Transformer");
  CHECK(found.max_seq_length == 20);
  CHECK(found.modules.front().pooling.modes.size() == 6);
}

TEST_CASE("a directory without modules is its own transformer, with a lone pooling if it has one") {
  const TemporaryDirectory directory;
  CHECK(find_transformer_directory(directory.path()) == directory.path());
  CHECK(read_sentence_modules(directory.path(), 4).modules.empty());
  directory.write("1_Pooling/config.json",
                  R"({"word_embedding_dimension": 4, "pooling_mode_cls_token": true})");
  const SentenceModules found = read_sentence_modules(directory.path(), 4);
  REQUIRE(found.modules.size() == 1);
  CHECK(found.modules[0].pooling.modes == Modes{Pooling::kCls});
}

TEST_CASE("pooling modes are read from names and from flags, names first") {
  const ModelDirectory model;
  const auto modes = [&](const std::string& options) {
    model.pooling("{\"embedding_dimension\": 4" + options + "}");
    return model.read().modules.front().pooling.modes;
  };
  CHECK(modes("") == Modes{Pooling::kMean});
  CHECK(modes(R"(, "pooling_mode_mean_tokens": false)") == Modes{Pooling::kMean});
  CHECK(modes(R"(, "pooling_mode": "lasttoken")") == Modes{Pooling::kLastToken});
  CHECK(modes(R"(, "pooling_mode": ["mean", "cls"], "pooling_mode_max_tokens": true)") ==
        Modes{Pooling::kMean, Pooling::kCls});
  CHECK(modes(R"(, "pooling_mode_lasttoken": true, "pooling_mode_weightedmean_tokens": true,
              "pooling_mode_mean_sqrt_len_tokens": true, "pooling_mode_mean_tokens": true,
              "pooling_mode_max_tokens": true, "pooling_mode_cls_token": true)") ==
        Modes{Pooling::kCls, Pooling::kMax, Pooling::kMean, Pooling::kMeanSqrtLen,
              Pooling::kWeightedMean, Pooling::kLastToken});
}

TEST_CASE("pooling that does not fit or is not known is refused") {
  const ModelDirectory model;
  const auto refused = [&](const char* text, const std::string& reason, const char* part) {
    model.pooling(text);
    WEFT_CHECK_FAILS(model.read(), reason, part);
  };
  refused(R"({"word_embedding_dimension": 5})", "INVALID_ARGUMENT",
          "expected 4, the transformer's hidden size, found 5");
  refused(R"({})", "INVALID_ARGUMENT", "word_embedding_dimension");
  refused(R"({"embedding_dimension": 4, "pooling_mode": "median"})", "UNSUPPORTED", "median");
  refused(R"({"embedding_dimension": 4, "pooling_mode": []})", "INVALID_ARGUMENT", "pooling_mode");
  refused(R"({"embedding_dimension": 4, "pooling_mode": [1]})", "INVALID_ARGUMENT", "pooling_mode");
  refused(R"({"embedding_dimension": 4, "pooling_mode_mean_tokens": 1})", "INVALID_ARGUMENT",
          "pooling_mode_mean_tokens");
  refused(R"({"embedding_dimension": 4, "pooling_mode_median": true})", "UNSUPPORTED",
          "pooling_mode_median");
  refused("{", "CORRUPT_FILE", "1_Pooling");
  std::filesystem::remove(model.path() / "1_Pooling" / "config.json");
  WEFT_CHECK_FAILS(model.read(), "NOT_FOUND", "1_Pooling");
}

TEST_CASE("modules that are unknown, out of order or doubled are refused by name") {
  const ModelDirectory model;
  const auto refused = [&](const char* types, const char* part) {
    CAPTURE(types);
    model.modules(types);
    WEFT_CHECK_FAILS(model.read(), "UNSUPPORTED", part);
  };
  refused("Pooling LSTM", "\"LSTM\": unknown");
  refused("Pooling Dropout", "\"Dropout\": unknown");
  refused("", "expected a Pooling");
  refused("Normalize", "before Pooling");
  refused("Dense Pooling", "before Pooling");
  refused("Pooling Pooling", "a second Pooling");
  refused("Pooling Transformer", "Transformer first and only there");
}

TEST_CASE("modules.json is checked") {
  const ModelDirectory model;
  const auto refused = [&](const std::string& text, const std::string& reason, const char* part) {
    model.write("modules.json", text);
    WEFT_CHECK_FAILS(find_transformer_directory(model.path()), reason, part);
  };
  const auto transformer = [](const std::string& path) {
    return R"([{"idx":0,"path":")" + path +
           R"(","type":"sentence_transformers.models.Transformer"}])";
  };
  refused("{}", "CORRUPT_FILE", "expected a list");
  refused("[]", "CORRUPT_FILE", "expected a list");
  refused("[1]", "CORRUPT_FILE", "module 0: expected an object");
  refused(R"([{"idx":0,"path":""}])", "INVALID_ARGUMENT", "type: expected a string");
  refused(R"([{"idx":0,"path":"","type":"custom_st.Transformer"}])", "UNSUPPORTED",
          "custom_st.Transformer");
  refused(R"([{"idx":0,"path":"","type":"sentence_transformers.models.Pooling"}])", "UNSUPPORTED",
          "Transformer first");
  refused(R"([{"idx":1,"path":"","type":"sentence_transformers.models.Transformer"}])",
          "INVALID_ARGUMENT", "idx: expected 0");
  for (const char* path :
       {"..", "../x", "a/../../b", "/etc", "a//b", "./a", "a\\\\b", "a\\u0000", "a/"}) {
    CAPTURE(path);
    if (std::string_view(path) == "a/") {
      model.write("modules.json", transformer(path));
      CHECK(find_transformer_directory(model.path()) == model.path() / "a");
    } else {
      refused(transformer(path), "INVALID_ARGUMENT", "path inside the directory");
    }
  }
}

TEST_CASE("a link that leads nowhere is an error, not a file that is not there") {
  for (const char* name :
       {"modules.json", "sentence_bert_config.json", "config_sentence_transformers.json"}) {
    CAPTURE(name);
    const ModelDirectory model;
    CHECK_NOTHROW(model.read());
    std::filesystem::remove(model.path() / name);
    std::filesystem::create_symlink("blobs/never fetched", model.path() / name);
    WEFT_CHECK_FAILS(model.read(), "NOT_FOUND", name);
  }
}

TEST_CASE("a directory that is a link to nowhere does not change the pooling silently") {
  const ModelDirectory model;
  std::filesystem::remove(model.path() / "modules.json");
  std::filesystem::remove_all(model.path() / "1_Pooling");
  CHECK_NOTHROW(model.read());
  std::filesystem::create_directory_symlink("never fetched", model.path() / "1_Pooling");
  WEFT_CHECK_FAILS(model.read(), "NOT_FOUND", "1_Pooling/config.json");
}

TEST_CASE("dense layers chain their sizes and know their activations") {
  const ModelDirectory model;
  model.modules("Pooling Dense Dense Normalize");
  model.dense("2_Dense", R"({"in_features": 4, "out_features": 6})", 6, 4);
  model.dense("3_Dense",
              R"({"in_features": 6, "out_features": 2, "bias": true,
                  "activation_function": "torch.nn.modules.activation.ReLU"})",
              2, 6);
  const SentenceModules found = model.read();
  REQUIRE(found.modules.size() == 4);
  CHECK(found.modules[1].dense.activation == Activation::kTanh);
  CHECK(found.modules[2].dense.activation == Activation::kRelu);
  CHECK(found.modules[2].dense.weight.rows() == 2);

  const auto refused = [&](const char* text, const std::string& reason, const char* part) {
    model.write("3_Dense/config.json", text);
    WEFT_CHECK_FAILS(model.read(), reason, part);
  };
  refused(R"({"in_features": 4, "out_features": 2})", "INVALID_ARGUMENT",
          "in_features: expected 6");
  refused(R"({"in_features": 6, "out_features": 3})", "CORRUPT_FILE", "expected [3, 6]");
  refused(R"({"in_features": 6, "out_features": 2, "bias": false})", "CORRUPT_FILE", "linear.bias");
  refused(R"({"in_features": 6, "out_features": 2,
              "activation_function": "torch.nn.modules.activation.Softplus"})",
          "UNSUPPORTED", "Softplus");
  refused(R"({"in_features": 6, "out_features": 2, "use_residual": true})", "UNSUPPORTED",
          "use_residual");
  refused(R"({"in_features": 6, "out_features": 2, "module_input_name": "token_embeddings"})",
          "UNSUPPORTED", "module_input_name");
  model.write("3_Dense/config.json",
              R"({"in_features": 6, "out_features": 2, "activation_function": null, "new": 1})");
  CHECK(model.read().modules[2].dense.activation == Activation::kNone);
  CHECK(model.read().warnings.size() == 1);
  std::filesystem::rename(model.path() / "3_Dense" / "model.safetensors",
                          model.path() / "3_Dense" / "pytorch_model.bin");
  WEFT_CHECK_FAILS(model.read(), "UNSUPPORTED", "pytorch_model.bin");
}

TEST_CASE("the sequence limit is found under every name the file has had") {
  for (const char* kind :
       {"bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet"}) {
    const ModelDirectory model;
    model.write("sentence_" + std::string(kind) + "_config.json",
                R"({"max_seq_length": 77, "do_lower_case": true})");
    CHECK(model.read().max_seq_length == 77);
    CHECK(model.read().do_lower_case == true);
  }
}

TEST_CASE("transformer settings that change the computation are refused") {
  const ModelDirectory model;
  const auto refused = [&](const char* text, const std::string& reason, const char* part) {
    model.write("sentence_bert_config.json", text);
    WEFT_CHECK_FAILS(model.read(), reason, part);
  };
  refused(R"({"max_seq_length": 0})", "INVALID_ARGUMENT", "max_seq_length");
  refused(R"({"max_seq_length": "77"})", "INVALID_ARGUMENT", "max_seq_length");
  refused(R"({"transformer_task": "fill-mask"})", "UNSUPPORTED", "transformer_task");
  refused(R"({"module_output_name": "logits"})", "UNSUPPORTED", "module_output_name");
  refused(R"({"modality_config": {"image": {}}})", "UNSUPPORTED", "modality_config");
  refused(R"({"modality_config": {"text": {"method_output_name": "pooler_output"}}})",
          "UNSUPPORTED", "method_output_name");
  refused(R"({"config_args": {"num_hidden_layers": 3}})", "UNSUPPORTED", "num_hidden_layers");
  refused(R"({"tokenizer_args": {"model_max_length": 9}})", "UNSUPPORTED", "model_max_length");
  model.write("sentence_bert_config.json",
              R"({"max_seq_length": null, "model_args": {"torch_dtype": "float16"}})");
  CHECK_FALSE(model.read().max_seq_length);
}

TEST_CASE("prompts are strings by name, the default among them") {
  const ModelDirectory model;
  const auto settings = [&](const char* text) {
    model.write("config_sentence_transformers.json", text);
    return model.read();
  };
  CHECK(settings(R"({"prompts": {"q": "query: ", "n": null}})").prompts.size() == 1);
  CHECK_FALSE(settings(R"({"prompts": {}, "default_prompt_name": null})").default_prompt_name);
  WEFT_CHECK_FAILS(settings(R"({"prompts": {"q": 1}})"), "INVALID_ARGUMENT", "\"q\"");
  WEFT_CHECK_FAILS(settings(R"({"prompts": {}, "default_prompt_name": "q"})"), "INVALID_ARGUMENT",
                   "default_prompt_name");
  WEFT_CHECK_FAILS(settings(R"({"model_type": "StaticEncoder"})"), "UNSUPPORTED", "StaticEncoder");
}

}  // namespace weft::test
