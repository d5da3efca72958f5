// Classifier, CrossEncoder, TokenClassifier and MaskedLM against what transformers' pipelines and
// sentence-transformers answered in double precision.
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "runtime/aggregation.h"
#include "runtime/json.h"
#include "tests/failure.h"
#include "tests/runtime/golden.h"
#include "weft/classifier.h"
#include "weft/cross_encoder.h"
#include "weft/encoder.h"
#include "weft/masked_lm.h"
#include "weft/token_classifier.h"

namespace weft::test {
namespace {

constexpr double kTolerance = 2e-5;

std::filesystem::path heads(std::string_view name) { return golden("heads") / name; }

Json read_json(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(stream), {}};
  return Json::parse(text, file.string());
}

const Json& member(const Json& object, std::string_view key) {
  const Json* value = object.find(key);
  REQUIRE_MESSAGE(value != nullptr, key);
  return *value;
}

std::vector<std::string> strings(const Json& array) {
  std::vector<std::string> result;
  for (const Json& item : array.items()) result.push_back(item.as_string());
  return result;
}

bool near(double expected, double found) {
  return std::abs(expected - found) <= kTolerance * std::max(1.0, std::abs(expected));
}

bool same(const Entity& a, const Entity& b) {
  return a.label == b.label && std::memcmp(&a.score, &b.score, sizeof a.score) == 0 &&
         a.begin == b.begin && a.end == b.end;
}

constexpr Aggregation kAggregations[] = {Aggregation::kNone, Aggregation::kSimple,
                                         Aggregation::kFirst, Aggregation::kAverage,
                                         Aggregation::kMax};

}  // namespace

TEST_CASE("a classifier scores its labels as the text-classification pipeline") {
  for (const char* name : {"bert_single_label", "bert_multi_label", "bert_regression"}) {
    CAPTURE(name);
    const Json golden = read_json(heads(name) / "pipeline.json");
    const std::vector<std::string> texts = strings(member(golden, "texts"));
    const Classifier classifier = Classifier::load(heads(name));
    const std::vector<Classification> results = classifier.classify(texts);
    const auto& expected = member(golden, "classify").items();
    REQUIRE(results.size() == expected.size());
    for (std::size_t i = 0; i < results.size(); ++i) {
      CAPTURE(texts[i]);
      REQUIRE(results[i].labels.size() == expected[i].items().size());
      for (std::size_t j = 0; j < results[i].labels.size(); ++j) {
        const Json& label = expected[i].items()[j];
        CHECK(results[i].labels[j].label == member(label, "label").as_string());
        CHECK(near(member(label, "score").as_number(), results[i].labels[j].score));
      }
      const Classification alone = classifier.classify(texts[i], 1);
      REQUIRE(alone.labels.size() == 1);
      CHECK(alone.labels[0].label == results[i].labels[0].label);
      CHECK(std::memcmp(&alone.labels[0].score, &results[i].labels[0].score, sizeof(float)) == 0);
    }
  }
}

TEST_CASE(
    "a cross-encoder scores pairs as sentence-transformers, by each rule for the activation") {
  for (const char* name : {"cross_encoder", "cross_encoder_identity", "cross_encoder_saved"}) {
    CAPTURE(name);
    const Json golden = read_json(heads(name) / "pipeline.json");
    std::vector<TextPair> pairs;
    for (const Json& pair : member(golden, "pairs").items()) {
      pairs.emplace_back(pair.items()[0].as_string(), pair.items()[1].as_string());
    }
    const CrossEncoder model = CrossEncoder::load(heads(name));
    const PairScores scores = model.score(pairs);
    const auto& expected = member(golden, "scores").items();
    REQUIRE(scores.rows == static_cast<std::int64_t>(expected.size()));
    REQUIRE(scores.cols == 1);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      CAPTURE(i);
      CHECK(near(expected[i].as_number(), scores.data[i]));
    }
    CHECK(scores.truncated == 1);
  }
}

TEST_CASE("rank orders documents by score, keeps the best, and refuses several labels") {
  const CrossEncoder model = CrossEncoder::load(heads("cross_encoder"));
  const std::vector<std::string> documents = {"loom", "red wool", "loom", "", "a long thread"};
  const Ranking all = model.rank("wool", documents);
  REQUIRE(all.documents.size() == documents.size());
  std::vector<TextPair> pairs;
  for (const std::string& document : documents) pairs.emplace_back("wool", document);
  const PairScores scores = model.score(pairs);
  for (std::size_t i = 0; i < documents.size(); ++i) {
    const RankedText& ranked = all.documents[i];
    CHECK(ranked.score == scores.data[static_cast<std::size_t>(ranked.index)]);
    if (i == 0) continue;
    const RankedText& before = all.documents[i - 1];
    const bool falls = before.score > ranked.score;
    CHECK((falls || (before.score == ranked.score && before.index < ranked.index)));
  }
  const Ranking two = model.rank("wool", documents, 2);
  REQUIRE(two.documents.size() == 2);
  CHECK(two.documents[1].index == all.documents[1].index);
  CHECK(model.rank("wool", std::vector<std::string>{}).documents.empty());
  const CrossEncoder several = CrossEncoder::load(heads("bert_single_label"));
  CHECK(several.score(pairs).cols == 3);
  WEFT_CHECK_FAILS(several.rank("wool", documents), "FAILED_PRECONDITION", "one label");
  WEFT_CHECK_FAILS(model.rank("wool", documents, -1), "INVALID_ARGUMENT", "top_k");
}

TEST_CASE("a token classifier finds the spans of the token-classification pipeline") {
  std::string name;
  SUBCASE("of word pieces") { name = "bert_tagger"; }
  SUBCASE("of bytes, where a token of trimmed spaces has an empty range") { name = "byte_tagger"; }
  const Json golden = read_json(heads(name) / "pipeline.json");
  const std::vector<std::string> texts = strings(member(golden, "texts"));
  const TokenClassifier tagger = TokenClassifier::load(heads(name));
  std::size_t spans = 0;
  for (const Aggregation aggregation : kAggregations) {
    CAPTURE(to_string(aggregation));
    const auto& expected = member(member(golden, "tag"), to_string(aggregation)).items();
    const std::vector<TaggedText> results = tagger.tag(texts, aggregation);
    REQUIRE(results.size() == expected.size());
    for (std::size_t i = 0; i < results.size(); ++i) {
      CAPTURE(texts[i]);
      const std::vector<Entity>& found = results[i].entities;
      REQUIRE(found.size() == expected[i].items().size());
      const std::vector<Entity> alone = tagger.tag(texts[i], aggregation).entities;
      REQUIRE(alone.size() == found.size());
      for (std::size_t j = 0; j < found.size(); ++j) {
        const Json& entity = expected[i].items()[j];
        const bool tokens = aggregation == Aggregation::kNone;
        CHECK(found[j].label == member(entity, tokens ? "entity" : "entity_group").as_string());
        CHECK(near(member(entity, "score").as_number(), found[j].score));
        CHECK(found[j].begin == member(entity, "start").as_integer());
        CHECK(found[j].end == member(entity, "end").as_integer());
        if (tokens) CHECK(found[j].token_index == member(entity, "index").as_integer());
        CHECK(same(found[j], alone[j]));
        ++spans;
      }
    }
  }
  CHECK(spans > 50);
}

TEST_CASE("tokens are aggregated as the pipeline does, for random scores and words") {
  const Json golden = read_json(heads("aggregations.json"));
  const std::vector<std::string> labels = strings(member(golden, "labels"));
  for (const Json& one : member(golden, "cases").items()) {
    std::vector<ScoredToken> tokens;
    const auto& continues = member(one, "continues").items();
    for (const Json& row : member(one, "scores").items()) {
      ScoredToken token;
      const auto i = static_cast<std::int32_t>(tokens.size());
      token.place.begin = 3 * i;
      token.place.end = 3 * i + 2;
      token.part =
          continues[tokens.size()].as_integer() != 0 ? WordPart::kContinuation : WordPart::kBegin;
      for (const Json& score : row.items()) token.scores.push_back(score.as_number());
      tokens.push_back(std::move(token));
    }
    for (const Aggregation aggregation : kAggregations) {
      CAPTURE(to_string(aggregation));
      const auto& expected = member(member(one, "expected"), to_string(aggregation)).items();
      const std::vector<Entity> found = aggregate(tokens, labels, aggregation);
      REQUIRE(found.size() == expected.size());
      for (std::size_t i = 0; i < found.size(); ++i) {
        const auto& entity = expected[i].items();
        CHECK(found[i].label == entity[0].as_string());
        CHECK(near(entity[1].as_number(), found[i].score));
        CHECK(found[i].begin == entity[2].as_integer());
        CHECK(found[i].end == entity[3].as_integer());
      }
    }
  }
}

TEST_CASE("a masked language model fills each mask as the fill-mask pipeline") {
  for (const char* name : {"bert_masked_lm", "bert_masked_lm_untied"}) {
    CAPTURE(name);
    const Json golden = read_json(heads(name) / "pipeline.json");
    const std::vector<std::string> texts = strings(member(golden, "texts"));
    const MaskedLM model = MaskedLM::load(heads(name));
    CHECK(model.mask_token() == "[MASK]");
    const std::vector<FilledText> results = model.fill(texts, 7);
    const auto& expected = member(golden, "fill").items();
    REQUIRE(results.size() == expected.size());
    for (std::size_t i = 0; i < results.size(); ++i) {
      CAPTURE(texts[i]);
      REQUIRE(results[i].masks.size() == expected[i].items().size());
      std::size_t from = 0;
      for (std::size_t m = 0; m < results[i].masks.size(); ++m) {
        const FilledMask& mask = results[i].masks[m];
        const std::size_t place = texts[i].find("[MASK]", from);
        CHECK(mask.begin == static_cast<std::int32_t>(place));
        CHECK(mask.end == mask.begin + 6);
        from = place + 6;
        REQUIRE(mask.tokens.size() == 7);
        for (std::size_t j = 0; j < 7; ++j) {
          const Json& token = expected[i].items()[m].items()[j];
          CHECK(mask.tokens[j].id == member(token, "token").as_integer());
          CHECK(mask.tokens[j].token == member(token, "token_str").as_string());
          CHECK(near(member(token, "score").as_number(), mask.tokens[j].score));
        }
      }
    }
    WEFT_CHECK_FAILS(model.fill("no mask"), "INVALID_ARGUMENT", "[MASK]");
    std::string beyond;
    for (int i = 0; i < 60; ++i) beyond += "red ";
    WEFT_CHECK_FAILS(model.fill(beyond + "[MASK]"), "INVALID_ARGUMENT", "first 32 tokens");
  }
}

TEST_CASE("sparse vectors are those of sentence-transformers, maximum and sum") {
  for (const char* name : {"bert_masked_lm", "sparse_encoder_saved"}) {
    CAPTURE(name);
    const Json golden = read_json(heads(name) / "pipeline.json");
    const std::vector<std::string> texts = strings(member(golden, "sparse_texts"));
    const MaskedLM model = MaskedLM::load(heads(name));
    const SparseEmbeddings found = model.encode_sparse(texts);
    const auto& expected = member(golden, "sparse").items();
    REQUIRE(found.rows == static_cast<std::int64_t>(expected.size()));
    REQUIRE(found.offsets.size() == texts.size() + 1);
    for (std::size_t i = 0; i < texts.size(); ++i) {
      CAPTURE(texts[i]);
      std::vector<double> dense(static_cast<std::size_t>(found.cols), 0);
      for (auto j = static_cast<std::size_t>(found.offsets[i]);
           j < static_cast<std::size_t>(found.offsets[i + 1]); ++j) {
        CHECK(found.values[j] > 0);
        dense[static_cast<std::size_t>(found.indices[j])] = found.values[j];
      }
      const auto& row = expected[i].items();
      REQUIRE(dense.size() == row.size());
      std::size_t off = 0;
      for (std::size_t c = 0; c < row.size(); ++c)
        off += near(row[c].as_number(), dense[c]) ? 0 : 1;
      CHECK(off == 0);
    }
  }
}

TEST_CASE("a directory without the head that is asked for is refused by name") {
  const std::filesystem::path bare = golden("sentence") / "old_generation";
  WEFT_CHECK_FAILS(Classifier::load(bare), "FAILED_PRECONDITION", "BertModel");
  WEFT_CHECK_FAILS(CrossEncoder::load(bare), "FAILED_PRECONDITION", "BertModel");
  WEFT_CHECK_FAILS(TokenClassifier::load(bare), "FAILED_PRECONDITION", "token classification");
  WEFT_CHECK_FAILS(MaskedLM::load(bare), "FAILED_PRECONDITION", "masked LM");
  WEFT_CHECK_FAILS(MaskedLM::load(heads("bert_tagger")), "FAILED_PRECONDITION",
                   "BertForTokenClassification");
  WEFT_CHECK_FAILS(Encoder::load(heads("cross_encoder_saved")), "FAILED_PRECONDITION",
                   "sentence embeddings");
  CHECK(Encoder::load(heads("bert_masked_lm")).dimension() == 24);
}

TEST_CASE("one masked language model serves many threads with the same bits") {
  LoadOptions options;
  options.limits.threads = 2;
  const MaskedLM model = MaskedLM::load(heads("bert_masked_lm"), options);
  const std::vector<std::string> texts(9, "a [MASK] cloth of [MASK] wool");
  const float expected = model.fill(texts[0]).masks[1].tokens[0].score;
  std::vector<int> wrong(4, 0);
  std::vector<std::thread> threads;
  for (int& count : wrong) {
    threads.emplace_back([&] {
      for (int i = 0; i < 10; ++i) {
        for (const FilledText& filled : model.fill(texts)) {
          if (filled.masks[1].tokens[0].score != expected) ++count;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == std::vector<int>(4, 0));
}

}  // namespace weft::test
