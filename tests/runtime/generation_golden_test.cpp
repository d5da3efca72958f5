// Texts that tiny Marian, BART and T5 models write, against transformers' generate().
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "runtime/files.h"
#include "runtime/json.h"
#include "tests/failure.h"
#include "tests/isa_under_test.h"
#include "tests/paths.h"
#include "tests/temporary_directory.h"
#include "weft/generation.h"
#include "weft/safetensors.h"

namespace weft::test {
namespace {

using Sequence = std::vector<std::int32_t>;

constexpr const char* kModels[] = {"marian", "bart", "t5"};

std::vector<Sequence> sequences(const Json& list) {
  std::vector<Sequence> rows;
  for (const Json& row : list.items()) {
    rows.emplace_back();
    for (const Json& token : row.items()) {
      rows.back().push_back(static_cast<std::int32_t>(token.as_integer()));
    }
  }
  return rows;
}

std::vector<std::string> strings(const Json& list) {
  std::vector<std::string> texts;
  for (const Json& item : list.items()) texts.push_back(item.as_string());
  return texts;
}

// Objects, lists, numbers, booleans and plain strings: what a configuration holds.
std::string written(const Json& value) {
  std::string text;
  if (value.is_object()) {
    for (const auto& [key, member] : value.members()) {
      text += (text.empty() ? "" : ", ") + ('"' + key + "\": ") + written(member);
    }
    return '{' + text + '}';
  }
  if (value.is_array()) {
    for (const Json& item : value.items()) text += (text.empty() ? "" : ", ") + written(item);
    return '[' + text + ']';
  }
  if (value.is_bool()) return value.as_bool() ? "true" : "false";
  if (value.is_integer()) return std::to_string(value.as_integer());
  if (value.is_number()) return std::to_string(value.as_number());
  return '"' + value.as_string() + '"';
}

struct Cases {
  std::filesystem::path directory;
  Json json;

  explicit Cases(const std::string& model)
      : directory(golden("generation") / model),
        json(Json::parse(read_text_file(directory / "cases.json", 1 << 20), "cases.json")) {}

  const Json& at(const char* key) const { return *json.find(key); }
};

struct Ragged {
  std::vector<std::int32_t> ids;
  std::vector<std::int64_t> offsets{0};

  explicit Ragged(const std::vector<Sequence>& sources) {
    for (const Sequence& source : sources) {
      ids.insert(ids.end(), source.begin(), source.end());
      offsets.push_back(static_cast<std::int64_t>(ids.size()));
    }
  }
};

std::vector<Sequence> generated(const Generator& generator, const std::vector<Sequence>& sources,
                                const GenerationOptions& options = {}) {
  const Ragged ragged(sources);
  return generator.generate(ragged.ids, ragged.offsets, options);
}

// The model with another generation_config.json.
class Configured {
 public:
  Configured(const std::filesystem::path& model, const std::string& config) {
    for (const char* name : {"config.json", "model.safetensors"}) {
      std::filesystem::create_symlink(model / name, directory_.path() / name);
    }
    directory_.write("generation_config.json", config);
  }
  Generator load(const LoadOptions& options = {}) const {
    return Generator::load(directory_.path(), options);
  }

 private:
  TemporaryDirectory directory_;
};

LoadOptions with_dtype(ComputeType dtype) {
  LoadOptions options;
  options.compile.dtype = dtype;
  return options;
}

}  // namespace

TEST_CASE("models write what transformers writes, for every configuration") {
  for (const char* model : kModels) {
    CAPTURE(model);
    const Cases cases(model);
    const std::vector<Sequence> sources = sequences(cases.at("sources"));
    REQUIRE(cases.at("cases").items().size() > 25);
    for (const Json& one : cases.at("cases").items()) {
      const std::string config = written(*one.find("config"));
      CAPTURE(config);
      const Generator generator = Configured(cases.directory, config).load();
      CHECK(generated(generator, sources) == sequences(*one.find("sequences")));
    }
  }
}

TEST_CASE("texts become what transformers' tokenizers make of what was written") {
  for (const char* model : kModels) {
    CAPTURE(model);
    const Cases cases(model);
    const TextGenerator generator = TextGenerator::load(cases.directory);
    const std::vector<std::string> texts = strings(cases.at("texts"));
    const std::vector<std::string> expected = strings(cases.at("generated"));
    const std::vector<Sequence> tokens = sequences(cases.at("text_sequences"));
    const std::vector<GeneratedText> found = generator.generate(texts);
    REQUIRE(found.size() == expected.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
      CHECK(found[i].text == expected[i]);
      CHECK(found[i].tokens == tokens[i]);
      CHECK(found[i].truncated_tokens == 0);
      CHECK(generator.generate(texts[i]).text == expected[i]);
    }
  }
}

TEST_CASE("a source's text is the same alone and in a batch, in every precision") {
  for (const char* model : kModels) {
    CAPTURE(model);
    const Cases cases(model);
    const std::vector<Sequence> sources = sequences(cases.at("sources"));
    for (const ComputeType dtype : {ComputeType::kF32, ComputeType::kBf16, ComputeType::kInt8}) {
      const Generator generator = Generator::load(cases.directory, with_dtype(dtype));
      LoadOptions narrow = with_dtype(dtype);
      narrow.limits.sequences = 6;
      narrow.limits.threads = 3;
      const Generator cut = Generator::load(cases.directory, narrow);
      for (const std::int64_t beams : {1, 3}) {
        GenerationOptions options;
        options.beams = beams;
        const std::vector<Sequence> together = generated(generator, sources, options);
        CHECK(generated(cut, sources, options) == together);
        for (std::size_t i = 0; i < sources.size(); ++i) {
          CHECK(generated(generator, {sources[i]}, options).front() == together[i]);
        }
      }
    }
  }
}

TEST_CASE("named arrays give sequences of max_length tokens, padded") {
  const Cases cases("marian");
  const std::vector<Sequence> sources = sequences(cases.at("sources"));
  const Generator generator = Generator::load(cases.directory);
  GenerationOptions options;
  options.max_length = 9;
  options.beams = 2;
  const std::vector<Sequence> expected = generated(generator, sources, options);
  const Ragged ragged(sources);
  std::size_t widest = 0;
  for (const Sequence& source : sources) widest = std::max(widest, source.size());
  const auto rows = static_cast<std::int64_t>(sources.size());
  NamedArrays flat, padded;
  flat["input_ids"] = Array(DType::kI32, {static_cast<std::int64_t>(ragged.ids.size())});
  std::copy(ragged.ids.begin(), ragged.ids.end(), flat["input_ids"].values<std::int32_t>().begin());
  flat["offsets"] = Array(DType::kI64, {rows + 1});
  std::copy(ragged.offsets.begin(), ragged.offsets.end(),
            flat["offsets"].values<std::int64_t>().begin());
  const auto columns = static_cast<std::int64_t>(widest);
  padded["input_ids"] = Array(DType::kI64, {rows, columns});
  padded["attention_mask"] = Array(DType::kI64, {rows, columns});
  for (std::size_t i = 0; i < sources.size(); ++i) {
    for (std::size_t t = 0; t < sources[i].size(); ++t) {
      padded["input_ids"].values<std::int64_t>()[i * widest + t] = sources[i][t];
      padded["attention_mask"].values<std::int64_t>()[i * widest + t] = 1;
    }
  }
  for (const NamedArrays& inputs : {flat, padded}) {
    const NamedArrays out = generator.generate(inputs, options);
    REQUIRE(out.size() == 1);
    const Array& found = out.at("sequences");
    REQUIRE(found.dtype == DType::kI64);
    REQUIRE(found.shape == std::vector<std::int64_t>{rows, 9});
    for (std::size_t i = 0; i < expected.size(); ++i) {
      for (std::size_t t = 0; t < 9; ++t) {
        CHECK(found.values<std::int64_t>()[i * 9 + t] ==
              (t < expected[i].size() ? expected[i][t] : 2));
      }
    }
  }
  flat["input_ids"] = Array(DType::kI64, {0});
  flat["offsets"] = Array(DType::kI64, {1});
  CHECK(generator.generate(flat, options).at("sequences").shape == std::vector<std::int64_t>{0, 9});
  flat["decoder_input_ids"] = Array(DType::kI64, {0, 1});
  WEFT_CHECK_FAILS(generator.generate(flat, options), "INVALID_ARGUMENT", "decoder_input_ids");
}

TEST_CASE("a recurrent encoder-decoder writes what its reference writes") {
  for (const auto& entry : std::filesystem::directory_iterator(golden("bahdanau"))) {
    CAPTURE(entry.path().string());
    NamedArrays inputs = read_safetensors(entry.path() / "padded_targets.input.safetensors");
    inputs.erase("decoder_input_ids");
    inputs.erase("decoder_attention_mask");
    const NamedArrays expected = read_safetensors(entry.path() / "generated.safetensors");
    const Array& sequences = expected.at("sequences");
    GenerationOptions options;
    options.max_length = sequences.shape[1];
    const NamedArrays found = Generator::load(entry.path()).generate(inputs, options);
    REQUIRE(found.at("sequences").shape == sequences.shape);
    CHECK(std::ranges::equal(found.at("sequences").values<std::int64_t>(),
                             sequences.values<std::int64_t>()));
  }
}

TEST_CASE("texts beyond the model's maximum are cut, or an error that names the text") {
  const TextGenerator generator = TextGenerator::load(golden("generation") / "marian");
  CHECK(generator.max_tokens() == 48);
  std::string text;
  for (int i = 0; i < 60; ++i) text += "wool ";
  const std::vector<std::string> texts = {"loom", text};
  const std::vector<GeneratedText> found = generator.generate(texts);
  CHECK(found[0].truncated_tokens == 0);
  CHECK(found[1].truncated_tokens > 0);
  TextOptions strict;
  strict.long_text = LongText::kError;
  WEFT_CHECK_FAILS(generator.generate(texts, {}, strict), "OUT_OF_RANGE",
                   "text 1: expected at most 48 tokens, found ");
}

TEST_CASE("a text that goes beyond the model's positions is an error") {
  const Cases cases("bart");
  const Generator endless =
      Configured(cases.directory, R"({"decoder_start_token_id": 2, "max_length": 100})").load();
  WEFT_CHECK_FAILS(generated(endless, sequences(cases.at("sources"))), "OUT_OF_RANGE",
                   "max_length: source 0: the model writes at most 65 tokens");
}

TEST_CASE("SentencePiece files without a tokenizer.json are told how to be converted") {
  const TemporaryDirectory directory;
  for (const char* name : {"config.json", "model.safetensors", "generation_config.json"}) {
    std::filesystem::create_symlink(golden("generation") / "marian" / name,
                                    directory.path() / name);
  }
  WEFT_CHECK_FAILS(TextGenerator::load(directory.path()), "NOT_FOUND", "tokenizer.json");
  directory.write("source.spm", "x");
  directory.write("target.spm", "x");
  WEFT_CHECK_FAILS(TextGenerator::load(directory.path()), "UNSUPPORTED",
                   "scripts/marian_tokenizer.py");
}

TEST_CASE("spaces are cleaned up where tokenizer_config.json says so, but for BPE") {
  struct Case {
    const char *model, *word, *space, *expected;
  };
  for (const Case& one :
       {Case{"marian", "\u2581cloth", "\u2581", "cloth!"}, Case{"bart", "o", "\u0120", "o !"}}) {
    CAPTURE(one.model);
    const std::filesystem::path model = golden("generation") / one.model;
    const Tokenizer tokenizer = Tokenizer::load(model);
    const TemporaryDirectory directory;
    for (const char* name : {"config.json", "model.safetensors", "tokenizer.json"}) {
      std::filesystem::create_symlink(model / name, directory.path() / name);
    }
    // Whatever the model thinks, it writes a word, a space and "!".
    const auto id = [&](const char* token) {
      REQUIRE(tokenizer.token_to_id(token));
      return std::to_string(*tokenizer.token_to_id(token));
    };
    directory.write("generation_config.json", R"({"max_length": 3, "decoder_start_token_id": )" +
                                                  id(one.word) + R"(, "forced_bos_token_id": )" +
                                                  id(one.space) + R"(, "forced_eos_token_id": )" +
                                                  id("!") + "}");
    for (const bool wanted : {true, false}) {
      directory.write("tokenizer_config.json",
                      wanted ? R"({"clean_up_tokenization_spaces": true})" : "{}");
      const std::string text = TextGenerator::load(directory.path()).generate("loom").text;
      CHECK(text ==
            (wanted ? one.expected
                    : tokenizer.decode(std::vector<std::int32_t>{*tokenizer.token_to_id(one.word),
                                                                 *tokenizer.token_to_id(one.space),
                                                                 *tokenizer.token_to_id("!")})));
      if (!wanted) CHECK(text.ends_with(" !"));
    }
  }
}

}  // namespace weft::test
