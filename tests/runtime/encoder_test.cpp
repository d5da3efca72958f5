#include "weft/encoder.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>

#include "tests/failure.h"
#include "tests/paths.h"
#include "tests/temporary_directory.h"

namespace weft::test {
namespace {

const std::vector<std::string> kTexts = {
    "The weaver dyes red wool.", "", "loom", "A long thread, a long cloth: weaving!",
    "blue cloth of the weaver and the red thread of the loom is long, long, long, very long"};

std::filesystem::path old_generation() { return golden("sentence") / "old_generation"; }

// A copy of a golden directory in which single files can be changed.
class ChangedModel {
 public:
  explicit ChangedModel(const std::filesystem::path& original = old_generation()) {
    std::filesystem::copy(original, directory_.path(), std::filesystem::copy_options::recursive);
  }
  void write(const char* name, const std::string& text) const { directory_.write(name, text); }
  void replace(const char* name, const std::string& part, const std::string& by) const {
    std::ifstream stream(directory_.path() / name, std::ios::binary);
    std::string text{std::istreambuf_iterator<char>(stream), {}};
    const std::size_t at = text.find(part);
    REQUIRE(at != std::string::npos);
    write(name, text.replace(at, part.size(), by));
  }
  const std::filesystem::path& path() const { return directory_.path(); }

 private:
  TemporaryDirectory directory_;
};

double length(std::span<const float> row) {
  double sum = 0;
  for (const float value : row) sum += static_cast<double>(value) * value;
  return std::sqrt(sum);
}

bool same_bits(std::span<const float> a, std::span<const float> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

}  // namespace

TEST_CASE("no texts give no rows, one text gives one row") {
  const Encoder encoder = Encoder::load(old_generation());
  const Embeddings none = encoder.encode(std::span<const std::string>{});
  CHECK(none.rows == 0);
  CHECK(none.cols == 20);
  CHECK(none.data.empty());
  CHECK(encoder.encode("").size() == 20);
}

TEST_CASE("a text's vector has the same bits alone, in a batch, and across many windows") {
  LoadOptions options;
  options.limits.tokens = 40;  // a window is 64 times that: 2560 tokens
  const Encoder encoder = Encoder::load(old_generation(), options);
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < 700; ++i) texts.push_back(kTexts[i % kTexts.size()]);
  const Embeddings all = encoder.encode(texts);
  REQUIRE(all.rows == 700);
  std::size_t different = 0;
  for (std::size_t i = 0; i < kTexts.size(); ++i) {
    const std::vector<float> alone = encoder.encode(std::string_view(kTexts[i]));
    for (std::size_t j = i; j < texts.size(); j += kTexts.size()) {
      if (!same_bits(alone, all.row(static_cast<std::int64_t>(j)))) ++different;
    }
  }
  CHECK(different == 0);
}

TEST_CASE("one encoder serves many threads with the same bits") {
  LoadOptions options;
  options.limits.threads = 2;
  const Encoder encoder = Encoder::load(old_generation(), options);
  const Embeddings expected = encoder.encode(kTexts);
  std::vector<int> wrong(4, 0);
  std::vector<std::thread> threads;
  for (int& count : wrong) {
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i) {
        if (!same_bits(encoder.encode(kTexts).data, expected.data)) ++count;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == std::vector<int>(4, 0));
}

TEST_CASE("prompts come by text, by name or by default, and an unknown name lists the known") {
  const Encoder encoder = Encoder::load(old_generation());
  CHECK(encoder.prompt_names() == std::vector<std::string>{"passage", "query"});
  const std::string_view text = "loom";
  const auto with = [&](std::optional<std::string> prompt, std::optional<std::string> name) {
    EncodeOptions options;
    options.prompt = std::move(prompt);
    options.prompt_name = std::move(name);
    return encoder.encode(text, options);
  };
  const std::vector<float> query = with("query: ", {});
  CHECK(same_bits(query, with({}, {})));
  CHECK(same_bits(query, with({}, "query")));
  CHECK(same_bits(query, with("", {})) == false);
  CHECK(same_bits(with("", {}), with({}, "passage")) == false);
  CHECK(same_bits(query, [&] {
    EncodeOptions options;
    options.prompt = "";
    return encoder.encode("query: loom", options);
  }()));
  WEFT_CHECK_FAILS(with({}, "question"), "INVALID_ARGUMENT",
                   "prompt_name: expected one of [\"passage\", \"query\"], found \"question\"");
  WEFT_CHECK_FAILS(with("a", "query"), "INVALID_ARGUMENT", "at most one");
}

TEST_CASE("a text that is too long is cut and counted, or an error that names it") {
  const Encoder encoder = Encoder::load(old_generation());
  EncodeOptions options;
  options.prompt = "";
  CHECK(encoder.max_tokens() == 14);
  CHECK(encoder.encode(kTexts, options).truncated == 2);
  options.long_text = LongText::kError;
  WEFT_CHECK_FAILS(encoder.encode(kTexts, options), "OUT_OF_RANGE",
                   "text 3: expected at most 14 tokens, found 16");
}

TEST_CASE("the limit is max_seq_length, else the tokenizer's, and never beyond the positions") {
  CHECK(Encoder::load(golden("sentence") / "new_generation").max_tokens() == 18);
  const ChangedModel model;
  model.write("sentence_bert_config.json", "{\"max_seq_length\": 41}");
  const Encoder longer = Encoder::load(model.path());
  CHECK(longer.max_tokens() == 40);
  bool warned = false;
  for (const std::string& warning : longer.info().warnings) {
    warned = warned || warning.find("max_seq_length is 41") != std::string::npos;
  }
  CHECK(warned);
  CHECK(longer.encode(kTexts).truncated == 0);
  model.write("sentence_bert_config.json", "{}");
  CHECK(Encoder::load(model.path()).max_tokens() == 32);
  model.write("sentence_bert_config.json", "{\"max_seq_length\": 1}");
  WEFT_CHECK_FAILS(Encoder::load(model.path()), "INVALID_ARGUMENT", "special tokens alone are 2");
}

TEST_CASE("normalisation can be left out or put on, truncation comes before it") {
  const Encoder encoder = Encoder::load(old_generation());
  EncodeOptions options;
  const std::vector<float> model = encoder.encode("loom", options);
  CHECK(length(model) == doctest::Approx(1).epsilon(1e-6));
  options.normalize = Normalization::kOff;
  const std::vector<float> plain = encoder.encode("loom", options);
  CHECK(std::abs(length(plain) - 1) > 1e-3);
  for (std::size_t i = 0; i < model.size(); ++i) {
    CHECK(plain[i] / length(plain) == doctest::Approx(model[i]).epsilon(1e-5));
  }
  options.truncate_dim = 6;
  CHECK(same_bits(encoder.encode("loom", options), std::span(plain).first(6)));
  options.normalize = Normalization::kModel;
  CHECK(same_bits(encoder.encode("loom", options), std::span(model).first(6)));
  options.normalize = Normalization::kOn;
  CHECK(encoder.dimension(options) == 6);
  CHECK(length(encoder.encode("loom", options)) == doctest::Approx(1).epsilon(1e-6));

  const Encoder unnormalized = Encoder::load(golden("sentence") / "all_modes");
  EncodeOptions on;
  CHECK(std::abs(length(unnormalized.encode("loom", on)) - 1) > 1e-3);
  on.normalize = Normalization::kOn;
  CHECK(length(unnormalized.encode("loom", on)) == doctest::Approx(1).epsilon(1e-6));
}

TEST_CASE("sizes that do not fit are refused before anything is computed") {
  const Encoder encoder = Encoder::load(old_generation());
  EncodeOptions options;
  for (const std::int64_t dimension : {-1, 21}) {
    options.truncate_dim = dimension;
    WEFT_CHECK_FAILS(encoder.encode("loom", options), "INVALID_ARGUMENT",
                     "truncate_dim: expected 0 (all) to 20");
  }
  const std::string_view text = "loom";
  std::vector<float> out(19);
  WEFT_CHECK_FAILS(encoder.encode({&text, 1}, std::span(out)), "INVALID_ARGUMENT",
                   "out: expected 1 x 20 floats, found 19");
}

TEST_CASE("a cancelled call says so and the encoder stays usable") {
  const Encoder encoder = Encoder::load(old_generation());
  const std::vector<float> expected = encoder.encode("loom");
  const std::atomic<bool> cancel = true;
  EncodeOptions options;
  options.stop.cancel = &cancel;
  WEFT_CHECK_FAILS(encoder.encode("loom", options), "CANCELLED", "");
  CHECK(same_bits(encoder.encode("loom"), expected));
}

TEST_CASE("lower-casing beside the tokenizer is accepted only where it changes nothing") {
  const ChangedModel model;
  model.write("sentence_bert_config.json", "{\"max_seq_length\": 14, \"do_lower_case\": true}");
  CHECK(same_bits(Encoder::load(model.path()).encode("The Loom"),
                  Encoder::load(old_generation()).encode("The Loom")));
  model.replace("tokenizer.json", "\"lowercase\":true", "\"lowercase\":false");
  WEFT_CHECK_FAILS(Encoder::load(model.path()), "UNSUPPORTED", "do_lower_case");
  model.write("sentence_bert_config.json", "{\"max_seq_length\": 14, \"do_lower_case\": false}");
  CHECK_NOTHROW(Encoder::load(model.path()));
}

TEST_CASE("a tokenizer with more ids than the model has embeddings is refused at load") {
  const ChangedModel model;
  model.replace("tokenizer.json", ":92", ":93");
  WEFT_CHECK_FAILS(Encoder::load(model.path()), "INVALID_ARGUMENT",
                   "largest id is 93, the model has 93 embeddings");
}

TEST_CASE("a directory without modules gives the mean and says so") {
  const Encoder encoder = Encoder::load(golden("sentence") / "all_modes" / "0_Transformer");
  CHECK(encoder.dimension() == 8);
  CHECK(encoder.info().pooling == "mean");
  CHECK(encoder.info().warnings.empty());
  REQUIRE(encoder.info().embedding_notes.size() == 1);
  CHECK(encoder.info().embedding_notes[0].find("mean") != std::string::npos);
}

}  // namespace weft::test
