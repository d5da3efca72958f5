// Token vectors of ColBERT-style models against sentence-transformers and PyLate's definition in
// double precision (scripts/make_multi_vector_goldens.py).
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/failure.h"
#include "tests/runtime/golden.h"
#include "tests/temporary_directory.h"
#include "weft/encoder.h"
#include "weft/multi_vector_encoder.h"
#include "weft/safetensors.h"

namespace weft::test {
namespace {

constexpr double kTolerance = 2e-5;

std::filesystem::path directory(const std::string& name) { return golden("multi_vector/" + name); }

/// A case of which one file has `old` replaced.
class ChangedSettings {
 public:
  ChangedSettings(const std::string& name, const std::string& old, const std::string& now,
                  const std::string& file = "config_sentence_transformers.json") {
    std::filesystem::copy(directory(name), copy_.path() / "m",
                          std::filesystem::copy_options::recursive);
    std::string text = copy_.read("m/" + file);
    const auto at = text.find(old);
    REQUIRE(at != std::string::npos);
    copy_.write("m/" + file, text.replace(at, old.size(), now));
  }
  std::filesystem::path path() const { return copy_.path() / "m"; }

 private:
  TemporaryDirectory copy_;
};

Array vectors_of(const TokenVectors& vectors, std::size_t text) {
  const std::int64_t begin = vectors.offsets[text], end = vectors.offsets[text + 1];
  Array array(DType::kF32, {end - begin, vectors.cols});
  std::copy_n(vectors.data.begin() + begin * vectors.cols, (end - begin) * vectors.cols,
              array.values<float>().begin());
  return array;
}

void check_role(const std::string& name, TextRole role, const std::string& prefix) {
  CAPTURE(name);
  CAPTURE(prefix);
  const MultiVectorEncoder encoder = MultiVectorEncoder::load(directory(name));
  const std::vector<std::string> texts = read_texts(directory(name) / "texts.jsonl");
  const NamedArrays expected = read_safetensors(directory(name) / "expected.safetensors");
  const TokenVectors found = encoder.encode(texts, role);
  REQUIRE(found.offsets.size() == texts.size() + 1);
  CHECK(found.cols == 12);
  if (name == "fixed_expansion") CHECK(found.truncated > 0);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    CAPTURE(texts[i]);
    const Array& wanted = expected.at(prefix + std::to_string(i));
    CHECK(difference(wanted, vectors_of(found, i), kTolerance) == "");
    const TokenVectors alone = encoder.encode({&texts[i], 1}, role);
    CHECK(alone.rows() == found.offsets[i + 1] - found.offsets[i]);
    CHECK(std::memcmp(alone.data.data(), found.data.data() + found.offsets[i] * found.cols,
                      alone.data.size() * sizeof(float)) == 0);
  }
}

}  // namespace

TEST_CASE("documents and queries have the token vectors that their packages give") {
  int compared = 0;
  for (const auto& entry : std::filesystem::directory_iterator(golden("multi_vector"))) {
    const std::string name = entry.path().filename();
    check_role(name, TextRole::kDocument, "document.");
    check_role(name, TextRole::kQuery, "query.");
    ++compared;
  }
  CHECK(compared == 9);
}

TEST_CASE("an expansion that others do not see leaves the bits of a query's own tokens alone") {
  const std::string own = R"("do_query_expansion": true)";
  for (const char* name : {"unseen_bert", "unseen_modernbert", "unseen_mpnet"}) {
    CAPTURE(name);
    const ChangedSettings narrow(name, own, R"("do_query_expansion": false)");
    const auto widened = MultiVectorEncoder::load(directory(name));
    const auto encoder = MultiVectorEncoder::load(narrow.path());
    const std::vector<std::string> texts = read_texts(directory(name) / "texts.jsonl");
    const TokenVectors wide = widened.encode(texts, TextRole::kQuery);
    const TokenVectors narrower = encoder.encode(texts, TextRole::kQuery);
    for (std::size_t i = 0; i < texts.size(); ++i) {
      CAPTURE(texts[i]);
      CHECK(wide.offsets[i + 1] - wide.offsets[i] == 14);
      const std::int64_t rows = narrower.offsets[i + 1] - narrower.offsets[i];
      CHECK(std::memcmp(wide.row(wide.offsets[i]).data(), narrower.row(narrower.offsets[i]).data(),
                        static_cast<std::size_t>(rows * wide.cols) * sizeof(float)) == 0);
    }
    CHECK(narrower.rows() < wide.rows());
    CHECK(widened.encode(texts, TextRole::kDocument).data ==
          encoder.encode(texts, TextRole::kDocument).data);
  }
}

TEST_CASE("an expansion that cannot be had is refused by name") {
  const std::string text = "loom";
  const ChangedSettings wide("unseen_bert", R"("query_length": 14)", R"("query_length": 25)");
  const auto encoder = MultiVectorEncoder::load(wide.path());
  CHECK(encoder.encode({&text, 1}, TextRole::kDocument).rows() == 4);
  WEFT_CHECK_FAILS(encoder.encode({&text, 1}, TextRole::kQuery), "INVALID_ARGUMENT",
                   "query_expansion: length: expected at most 24, the model's positions, found 25");
  const ChangedSettings left("unseen_bert", R"("tokenizer_class")",
                             R"("padding_side": "left", "tokenizer_class")",
                             "tokenizer_config.json");
  WEFT_CHECK_FAILS(MultiVectorEncoder::load(left.path()), "UNSUPPORTED", "padding_side");
}

TEST_CASE("token_vectors takes key lengths of a model that hides tokens, and of no other") {
  const std::vector<std::int32_t> ids = {2, 7, 3, 4, 4}, lengths = {3}, longer = {6};
  const std::vector<std::int64_t> offsets = {0, 5};
  std::vector<float> rows, seen;
  const auto into = [](std::vector<float>& values) {
    return [&values](std::int64_t, std::span<const float> row) {
      values.insert(values.end(), row.begin(), row.end());
    };
  };
  const auto model = TransformerModel::load(directory("unseen_bert"));
  model->token_vectors(ids, offsets, into(rows), {.key_lengths = lengths});
  model->token_vectors(ids, offsets, into(seen));
  REQUIRE(rows.size() == 5 * 12);
  CHECK(rows != seen);
  WEFT_CHECK_FAILS(model->token_vectors(ids, offsets, into(rows), {.key_lengths = longer}),
                   "OUT_OF_RANGE", "key_lengths: expected 0 to 5, the tokens of sequence 0");
  const auto other = TransformerModel::load(directory("pylate"));
  WEFT_CHECK_FAILS(other->token_vectors(ids, offsets, into(rows), {.key_lengths = lengths}),
                   "FAILED_PRECONDITION", "key_lengths");
}

TEST_CASE("info tells how a model takes queries and documents") {
  const ModelInfo unseen = TransformerModel::load(directory("unseen_bert"))->info();
  CHECK(unseen.queries ==
        "prompt \"[Q] \", exactly 14 tokens, widened with the mask token, which other tokens do "
        "not see");
  CHECK(unseen.documents == "prompt \"[D] \", at most 17 tokens, no vectors for 32 words");
  const ModelInfo plain = TransformerModel::load(directory("no_expansion"))->info();
  CHECK(plain.queries == "prompt \"query: \", at most 7 tokens");
  const ModelInfo least = TransformerModel::load(directory("expansion_at_least"))->info();
  CHECK(least.queries ==
        "prompt \"query: \", no vectors for 1 word, at least 9 tokens, widened with \"loom\"");
}

TEST_CASE("a checkpoint of colbert-ai has no head that is missing and no tensor that is unused") {
  const ModelInfo info = TransformerModel::load(directory("colbert_ai"))->info();
  CHECK(info.warnings.empty());
  CHECK(info.unexpected_tensors.empty());
  CHECK(info.pooling == "a vector per token: dense 16 -> 12 none, normalize");
  CHECK(info.outputs ==
        std::vector<std::string>{"last_hidden_state", "pooler_output", "token_embeddings"});
}

TEST_CASE("models of token vectors and of sentence embeddings are not taken for each other") {
  WEFT_CHECK_FAILS(Encoder::load(directory("no_expansion")), "FAILED_PRECONDITION",
                   "sentence embeddings, found one of token vectors");
  WEFT_CHECK_FAILS(MultiVectorEncoder::load(golden("sentence/all_modes")), "FAILED_PRECONDITION",
                   "token vectors");
  const auto model = TransformerModel::load(directory("no_expansion"));
  CHECK(model->embedding_size() == 0);
  CHECK(model->info().token_vector_size == 12);
  CHECK(model->info().pooling == "a vector per token: dense 16 -> 12 none, normalize");
}

TEST_CASE("run gives token_embeddings of every token, of length 1") {
  const auto model = TransformerModel::load(directory("fixed_expansion"));
  CHECK(std::ranges::count(model->info().outputs, "token_embeddings") == 1);
  NamedArrays inputs;
  inputs["input_ids"] = Array(DType::kI64, {5});
  inputs["offsets"] = Array(DType::kI64, {3});
  const std::vector<std::int64_t> ids = {2, 7, 3, 9, 11}, offsets = {0, 3, 5};
  std::copy(ids.begin(), ids.end(), inputs["input_ids"].values<std::int64_t>().begin());
  std::copy(offsets.begin(), offsets.end(), inputs["offsets"].values<std::int64_t>().begin());
  const NamedArrays outputs = model->forward(inputs);
  CHECK_FALSE(outputs.contains("sentence_embedding"));
  const Array& vectors = outputs.at("token_embeddings");
  REQUIRE(vectors.shape == std::vector<std::int64_t>{5, 12});
  for (std::size_t row = 0; row < 5; ++row) {
    double square = 0;
    for (std::size_t c = 0; c < 12; ++c) {
      square += std::pow(vectors.values<float>()[row * 12 + c], 2);
    }
    CHECK(std::abs(square - 1) < 1e-5);
  }
}

TEST_CASE("the similarity of two texts is the sum of each query vector's best product") {
  TokenVectors queries{.cols = 2, .data = {1, 0, 0, 2}, .offsets = {0, 2}};
  TokenVectors documents{.cols = 2, .data = {3, 1, -1, 4, 9, 9}, .offsets = {0, 2, 3}};
  CHECK(MultiVectorEncoder::max_similarity(queries, 0, documents, 0) == 3 + 8);
  CHECK(MultiVectorEncoder::max_similarity(queries, 0, documents, 1) == 9 + 18);
  WEFT_CHECK_FAILS(MultiVectorEncoder::max_similarity(queries, 1, documents, 0), "OUT_OF_RANGE",
                   "query: expected 0 to 0, found 1");
  WEFT_CHECK_FAILS(
      MultiVectorEncoder::max_similarity(queries, 0, {.cols = 3, .data = {}, .offsets = {0, 0}}, 0),
      "INVALID_ARGUMENT", "expected vectors of 2 columns, found 3");
}

}  // namespace weft::test
