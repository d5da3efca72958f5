// Logits of every head against transformers in double precision.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstring>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "runtime/config.h"
#include "tests/failure.h"
#include "tests/runtime/changed_model.h"
#include "tests/runtime/golden.h"
#include "weft/safetensors.h"
#include "weft/supported.h"
#include "weft/transformer_model.h"

namespace weft::test {
namespace {

constexpr double kTolerance = 2e-5;

struct Case {
  std::string name;
  std::string architecture;  // config.json's architectures[0]
  HeadKind kind;
};

HeadKind kind_named(const std::string& architecture) {
  if (architecture.ends_with("ForSequenceClassification")) return HeadKind::kSequence;
  if (architecture.ends_with("ForTokenClassification")) return HeadKind::kToken;
  if (architecture.ends_with("ForImageClassification")) return HeadKind::kImage;
  const bool masked_lm =
      architecture.ends_with("ForMaskedLM") || architecture == "NomicBertForPreTraining";
  REQUIRE(masked_lm);
  return HeadKind::kMaskedLm;
}

/// Every folder with a file of this name: a new one needs no line here.
std::vector<Case> cases_with(const std::string& input) {
  std::vector<Case> cases;
  for (const std::string& folder : golden_cases({input})) {
    const Config config = Config::load(golden(folder) / "config.json");
    const std::string architecture = config.texts_or_empty("architectures").at(0);
    cases.push_back({folder.substr(folder.find('/') + 1), architecture, kind_named(architecture)});
  }
  return cases;
}

constexpr const char* kTokens = "logits.ragged";
constexpr const char* kImages = "logits.image";

std::filesystem::path directory(const std::string& name) { return golden("heads") / name; }

NamedArrays read(const std::string& name, const std::string& file) {
  return read_safetensors(directory(name) / ("logits." + file + ".safetensors"));
}

template <typename To>
std::vector<To> integers(const Array& array) {
  const auto values = array.values<std::int64_t>();
  return {values.begin(), values.end()};
}

/// The rows that logits() visits for the ragged input, and their numbers.
struct Visited {
  std::vector<std::int64_t> rows;
  std::vector<float> values;
};

Visited visit(const TransformerModel& model, const NamedArrays& input,
              const std::vector<std::int64_t>& tokens = {}) {
  const auto ids = integers<std::int32_t>(input.at("input_ids"));
  const auto offsets = integers<std::int64_t>(input.at("offsets"));
  std::vector<std::int32_t> types;
  if (input.contains("token_type_ids")) types = integers<std::int32_t>(input.at("token_type_ids"));
  Visited visited;
  model.logits(ids, offsets,
               [&](std::int64_t row, std::span<const float> values) {
                 visited.rows.push_back(row);
                 visited.values.insert(visited.values.end(), values.begin(), values.end());
               },
               {.type_ids = types, .tokens = tokens});
  return visited;
}

}  // namespace

TEST_CASE("each head's logits are those of transformers, ragged, padded right and padded left") {
  for (const Case& c : cases_with(kTokens)) {
    CAPTURE(c.name);
    const auto model = TransformerModel::load(directory(c.name));
    CHECK(model->info().head.kind == c.kind);
    CHECK(model->info().unexpected_tensors.empty());
    int layouts = 0;
    for (const std::string layout : {"ragged", "right", "left"}) {
      CAPTURE(layout);
      if (!std::filesystem::exists(directory(c.name) / ("logits." + layout + ".input.safetensors")))
        continue;
      ++layouts;
      const NamedArrays expected = read(c.name, layout + ".expected");
      const NamedArrays found = model->forward(read(c.name, layout + ".input"));
      REQUIRE(found.contains("logits"));
      CHECK(difference(expected.at("logits"), found.at("logits"), kTolerance) == "");
    }
    CHECK(layouts == (c.kind == HeadKind::kSequence ? 2 : 3));
  }
}

TEST_CASE("an image classifier's logits are those of transformers; it takes no token ids") {
  for (const Case& c : cases_with(kImages)) {
    CAPTURE(c.name);
    const auto model = TransformerModel::load(directory(c.name));
    CHECK(model->info().head.kind == HeadKind::kImage);
    CHECK(model->info().unexpected_tensors.empty());
    const NamedArrays found = model->forward(read(c.name, "image.input"));
    REQUIRE(found.contains("logits"));
    CHECK(difference(read(c.name, "image.expected").at("logits"), found.at("logits"), kTolerance) ==
          "");
    WEFT_CHECK_FAILS(visit(*model, read("bert_tagger", "ragged.input")), "FAILED_PRECONDITION",
                     "token ids");
  }
}

TEST_CASE("every head has such a case") {
  std::set<std::string> tested;
  for (const char* kind : {kTokens, kImages}) {
    for (const Case& c : cases_with(kind)) tested.insert(c.architecture);
  }
  for (const std::string& head : supported_heads()) {
    CAPTURE(head);
    CHECK(tested.contains(head));
  }
}

TEST_CASE("logits() visits the same rows in order, however small the chunks, bit for bit") {
  for (const Case& c : cases_with(kTokens)) {
    CAPTURE(c.name);
    LoadOptions options;
    options.limits.tokens = 1;  // the model's maximum is the least that a session takes
    options.limits.sequences = 1;
    const auto model = TransformerModel::load(directory(c.name), options);
    const NamedArrays input = read(c.name, "ragged.input");
    const Array logits = model->forward(input).at("logits");
    const Visited visited = visit(*model, input);
    REQUIRE(visited.rows.size() == static_cast<std::size_t>(logits.shape[0]));
    for (std::size_t i = 0; i < visited.rows.size(); ++i) {
      CHECK(visited.rows[i] == static_cast<std::int64_t>(i));
    }
    REQUIRE(visited.values.size() * sizeof(float) == logits.data.size());
    CHECK(std::memcmp(visited.values.data(), logits.data.data(), logits.data.size()) == 0);
  }
}

TEST_CASE("logits of chosen tokens have the bits that they have among all") {
  for (const char* name : {"bert_masked_lm", "bert_tagger"}) {
    CAPTURE(name);
    const auto model = TransformerModel::load(directory(name));
    const NamedArrays input = read(name, "ragged.input");
    const Visited all = visit(*model, input);
    const std::vector<std::int64_t> chosen = {0, 3, 9, 10, 38};
    const Visited some = visit(*model, input, chosen);
    CHECK(some.rows == chosen);
    const auto cols = static_cast<std::size_t>(model->logits_size());
    for (std::size_t i = 0; i < chosen.size(); ++i) {
      CHECK(std::memcmp(some.values.data() + i * cols,
                        all.values.data() + static_cast<std::size_t>(chosen[i]) * cols,
                        cols * sizeof(float)) == 0);
    }
  }
}

TEST_CASE("logits() refuses tokens that do not rise, and models without a head") {
  const auto model = TransformerModel::load(directory("bert_masked_lm"));
  const NamedArrays input = read("bert_masked_lm", "ragged.input");
  for (const std::vector<std::int64_t>& tokens :
       {std::vector<std::int64_t>{3, 3}, {4, 2}, {-1}, {39}}) {
    WEFT_CHECK_FAILS(visit(*model, input, tokens), "INVALID_ARGUMENT", "tokens");
  }
  LoadOptions without;
  without.head = LoadHead::kNo;
  const auto encoder = TransformerModel::load(directory("bert_masked_lm"), without);
  CHECK(encoder->logits_size() == 0);
  CHECK(encoder->info().packed_bytes < model->info().packed_bytes);
  CHECK(!encoder->forward(input).contains("logits"));
  WEFT_CHECK_FAILS(visit(*encoder, input), "FAILED_PRECONDITION", "architectures");
}

TEST_CASE("a checkpoint of embeddings may name a masked LM that it does not hold") {
  const auto naming = [](const char* head) {
    return ChangedModel("mpnet/pad_ids_in_texts", "architectures", fmt::format("[\"{}\"]", head));
  };
  const ChangedModel embeddings = naming("MPNetForMaskedLM");
  const auto model = TransformerModel::load(embeddings.path());
  CHECK(model->logits_size() == 0);
  CHECK(model->info().head.kind == HeadKind::kNone);
  REQUIRE(model->info().warnings.size() == 1);
  CHECK(model->info().warnings[0].find("MPNetForMaskedLM") != std::string::npos);
  LoadOptions needed;
  needed.head = LoadHead::kYes;
  WEFT_CHECK_FAILS(TransformerModel::load(embeddings.path(), needed), "NOT_FOUND", "no tensor");

  const ChangedModel classifier = naming("MPNetForSequenceClassification");
  WEFT_CHECK_FAILS(TransformerModel::load(classifier.path()), "NOT_FOUND", "no tensor");
}

}  // namespace weft::test
