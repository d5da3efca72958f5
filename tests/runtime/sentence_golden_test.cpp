// Tiny sentence-transformers directories against the package itself, in double precision
// (scripts/make_sentence_goldens.py).
#include <doctest/doctest.h>

#include <cstring>
#include <string>
#include <vector>

#include "tests/isa_under_test.h"
#include "tests/runtime/golden.h"
#include "weft/encoder.h"

namespace weft::test {
namespace {

constexpr double kTolerance = 2e-5;
constexpr const char* kCases[] = {"old_generation", "all_modes", "new_generation"};

LoadOptions load_options() {
  LoadOptions options;
  options.compile.isa = isa_under_test();
  options.limits.threads = 2;
  return options;
}

/// The call that the generator's name for a column of vectors stands for.
EncodeOptions encode_options(const std::string& way) {
  EncodeOptions options;
  if (way == "none") {
    options.prompt = "";
  } else if (way == "given") {
    options.prompt = "say a ";
  } else if (way == "truncated") {
    options.truncate_dim = 6;
    options.normalize = Normalization::kOn;
  } else if (way != "default") {
    options.prompt_name = way;
  }
  return options;
}

Array as_array(const Embeddings& embeddings) {
  Array array(DType::kF32, {embeddings.rows, embeddings.cols});
  std::memcpy(array.data.data(), embeddings.data.data(), array.data.size());
  return array;
}

}  // namespace

TEST_CASE("sentence embeddings of ids equal those of the sentence-transformers package") {
  for (const std::string name : kCases) {
    CAPTURE(name);
    const auto model = TransformerModel::load(golden("sentence") / name, load_options());
    const NamedArrays found =
        model->forward(read_safetensors(golden("sentence") / name / "ids.input.safetensors"));
    const NamedArrays expected =
        read_safetensors(golden("sentence") / name / "ids.expected.safetensors");
    REQUIRE(found.contains("sentence_embedding"));
    CHECK(difference(expected.at("sentence_embedding"), found.at("sentence_embedding"),
                     kTolerance) == "");
  }
}

TEST_CASE("encoded texts equal those of the sentence-transformers package with every prompt") {
  for (const std::string name : kCases) {
    CAPTURE(name);
    const Encoder encoder = Encoder::load(golden("sentence") / name, load_options());
    const auto texts = read_texts(golden("sentence") / name / "texts.jsonl");
    const NamedArrays expected =
        read_safetensors(golden("sentence") / name / "texts.expected.safetensors");
    REQUIRE(expected.size() >= 4);
    for (const auto& [way, vectors] : expected) {
      CAPTURE(way);
      const Embeddings found = encoder.encode(texts, encode_options(way));
      CHECK(difference(vectors, as_array(found), kTolerance) == "");
    }
  }
}

TEST_CASE("texts that were cut are counted") {
  const Encoder encoder = Encoder::load(golden("sentence") / "old_generation", load_options());
  const auto texts = read_texts(golden("sentence") / "old_generation" / "texts.jsonl");
  EncodeOptions options;
  options.prompt = "";
  CHECK(encoder.max_tokens() == 14);
  std::int64_t longer = 0;
  for (const std::string& text : texts) {
    longer += encoder.tokenizer().encode(text).ids.size() > 14 ? 1 : 0;
  }
  CHECK(longer >= 2);
  CHECK(encoder.encode(texts, options).truncated == longer);
}

}  // namespace weft::test
