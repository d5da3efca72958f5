// The real all-MiniLM-L6-v2 against the sentence-transformers package in double precision
// (scripts/make_minilm_goldens.py). Skipped, never passed, where the model has not been fetched.
#include "tests/runtime/minilm.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "tests/paths.h"
#include "tests/runtime/golden.h"

namespace weft::test {
TEST_CASE("MiniLM's embeddings equal the reference to a cosine of 0.999999") {
  const Encoder encoder = load_minilm();
  const auto texts = read_texts(golden("minilm") / "texts.jsonl");
  const NamedArrays expected = read_safetensors(golden("minilm") / "expected.safetensors");
  const auto want = expected.at("embeddings").values<float>();
  const auto tokens = expected.at("tokens").values<std::int64_t>();
  const Embeddings found = encoder.encode(texts);
  REQUIRE(texts.size() >= 200);
  REQUIRE(found.cols == 384);
  REQUIRE(found.data.size() == want.size());
  CHECK(encoder.max_tokens() == 256);

  double lowest = 1, farthest = 0;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const float* reference = want.data() + i * 384;
    const float* row = found.data.data() + i * 384;
    const double similarity = cosine(reference, row, 384);
    CAPTURE(i);
    CAPTURE(tokens[i]);
    CHECK(similarity >= 0.999999);
    lowest = std::min(lowest, similarity);
    for (int col = 0; col < 384; ++col) {
      farthest = std::max(farthest, std::abs(static_cast<double>(reference[col]) - row[col]));
    }
  }
  MESSAGE("lowest cosine 1 - " << 1 - lowest << ", largest difference " << farthest);
  CHECK(farthest < 1e-5);
}

TEST_CASE("MiniLM's tokens are counted and cut as the reference does") {
  const Encoder encoder = load_minilm();
  const auto texts = read_texts(golden("minilm") / "texts.jsonl");
  const NamedArrays expected = read_safetensors(golden("minilm") / "expected.safetensors");
  const auto tokens = expected.at("tokens").values<std::int64_t>();
  TokenizeOptions options;
  options.max_length = 256;
  std::int64_t cut = 0;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const Encoding encoding = encoder.tokenizer().encode(texts[i], options);
    CAPTURE(i);
    CHECK(static_cast<std::int64_t>(encoding.ids.size()) == tokens[i]);
    cut += encoding.truncated_tokens > 0 ? 1 : 0;
  }
  CHECK(cut == 3);  // 255 and 600 words, and a sentence forty times
  CHECK(encoder.encode(texts).truncated == cut);
}

TEST_CASE("a MiniLM text alone has the bits that it has among others") {
  const Encoder encoder = load_minilm();
  auto texts = read_texts(golden("minilm") / "texts.jsonl");
  const Embeddings together = encoder.encode(texts);
  for (std::size_t i = 0; i < texts.size(); i += 23) {
    const std::vector<float> alone = encoder.encode(texts[i]);
    CAPTURE(i);
    CHECK(std::memcmp(alone.data(), together.row(static_cast<std::int64_t>(i)).data(),
                      alone.size() * sizeof(float)) == 0);
  }
}

}  // namespace weft::test
