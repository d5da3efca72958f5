// Token vectors of ColBERT-style models against sentence-transformers in double precision.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/failure.h"
#include "tests/runtime/golden.h"
#include "weft/encoder.h"
#include "weft/multi_vector_encoder.h"
#include "weft/safetensors.h"

namespace weft::test {
namespace {

constexpr double kTolerance = 2e-5;

std::filesystem::path directory(const std::string& name) { return golden("multi_vector/" + name); }

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

TEST_CASE("documents and queries have the token vectors that sentence-transformers gives") {
  for (const char* name : {"fixed_expansion", "expansion_at_least", "no_expansion", "pylate"}) {
    check_role(name, TextRole::kDocument, "document.");
    check_role(name, TextRole::kQuery, "query.");
  }
  check_role("pylate_unseen_expansion", TextRole::kDocument, "document.");
}

TEST_CASE("a query that others shall not see widened is refused by name") {
  const auto encoder = MultiVectorEncoder::load(directory("pylate_unseen_expansion"));
  const std::string text = "loom";
  WEFT_CHECK_FAILS(encoder.encode({&text, 1}, TextRole::kQuery), "UNSUPPORTED",
                   "query_expansion: tokens that others do not see (attend false)");
}

TEST_CASE("models of token vectors and of sentence embeddings are not taken for each other") {
  WEFT_CHECK_FAILS(Encoder::load(directory("no_expansion")), "FAILED_PRECONDITION",
                   "sentence embeddings");
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
}

}  // namespace weft::test
