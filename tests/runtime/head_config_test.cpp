// What config.json says of a head, and what it must not say.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <vector>

#include "tests/failure.h"
#include "tests/paths.h"
#include "tests/temporary_directory.h"
#include "weft/classifier.h"
#include "weft/cross_encoder.h"
#include "weft/encoder.h"
#include "weft/masked_lm.h"
#include "weft/transformer_model.h"

namespace weft::test {
namespace {

/// A copy of a golden head whose config.json can be changed.
class ChangedHead {
 public:
  explicit ChangedHead(const char* name) {
    std::filesystem::copy(golden("heads") / name, directory_.path(),
                          std::filesystem::copy_options::recursive);
    original_ = read("config.json");
  }
  /// config.json with `part` replaced, from the original.
  const std::filesystem::path& with(const std::string& part, const std::string& by) const {
    const std::size_t at = original_.find(part);
    REQUIRE_MESSAGE(at != std::string::npos, part);
    std::string text = original_;
    directory_.write("config.json", text.replace(at, part.size(), by));
    return directory_.path();
  }
  std::string read(const char* name) const {
    std::ifstream stream(directory_.path() / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  const TemporaryDirectory& directory() const { return directory_; }

 private:
  TemporaryDirectory directory_;
  std::string original_;
};

}  // namespace

TEST_CASE("labels and problem type are read from config.json, by column") {
  const HeadInfo head = read_head(golden("heads") / "bert_multi_label");
  CHECK(head.kind == HeadKind::kSequence);
  CHECK(head.architecture == "BertForSequenceClassification");
  CHECK(head.labels == std::vector<std::string>{"a", "b", "c", "d"});
  CHECK(head.problem == ProblemType::kMultiLabel);
  const HeadInfo none = read_head(golden("sentence") / "old_generation");
  CHECK(none.kind == HeadKind::kNone);
  CHECK(none.architecture == "BertModel");
}

TEST_CASE("label ids may stand in any order") {
  const ChangedHead head("bert_single_label");
  const HeadInfo info = read_head(
      head.with("\"0\": \"bad\",\n    \"1\": \"good\"", "\"1\": \"good\", \"0\": \"bad\""));
  CHECK(info.labels == std::vector<std::string>{"bad", "good", "so so"});
}

TEST_CASE("hostile labels are refused naming id2label or num_labels") {
  const ChangedHead head("bert_single_label");
  const std::string first = "\"0\": \"bad\"";
  const auto fails = [&](const std::string& by, const char* part) {
    WEFT_CHECK_FAILS(TransformerModel::load(head.with(first, by)), "INVALID_ARGUMENT", part);
  };
  fails("\"3\": \"bad\"", "id2label");
  fails("\"-1\": \"bad\"", "id2label");
  fails("\"\": \"bad\"", "id2label");
  fails("\"0x0\": \"bad\"", "id2label");
  fails("\"18446744073709551616\": \"bad\"", "id2label");
  fails("\"01\": \"bad\"", "id2label");  // 1 twice
  fails("\"0\": 7", "id2label");
  fails("\"0\": \"bad\", \"3\": \"worse\"", "id2label: expected 3 labels");
  const std::string key = "\"id2label\": {";
  const auto config = [&](const std::string& by) -> const std::filesystem::path& {
    return head.with(key, by + key);
  };
  WEFT_CHECK_FAILS(TransformerModel::load(config("\"num_labels\": 2, ")), "INVALID_ARGUMENT",
                   "num_labels");
  WEFT_CHECK_FAILS(TransformerModel::load(config("\"num_labels\": -1, ")), "INVALID_ARGUMENT",
                   "num_labels");
  WEFT_CHECK_FAILS(TransformerModel::load(config("\"num_labels\": 1000000000000, ")),
                   "INVALID_ARGUMENT", "num_labels");
  CHECK(TransformerModel::load(config("\"num_labels\": 3, "))->logits_size() == 3);
}

TEST_CASE("without id2label the labels are as many as num_labels says, or two") {
  const ChangedHead head("bert_single_label");
  const std::string key = "\"id2label\": {";
  WEFT_CHECK_FAILS(TransformerModel::load(head.with(key, "\"unread\": {")), "INVALID_ARGUMENT",
                   "id2label: expected 3 labels");
  const auto model = TransformerModel::load(head.with(key, "\"num_labels\": 3, \"unread\": {"));
  CHECK(model->info().head.labels == std::vector<std::string>{"LABEL_0", "LABEL_1", "LABEL_2"});
}

TEST_CASE("an unknown problem type, head or activation is unsupported by name") {
  const ChangedHead head("bert_single_label");
  WEFT_CHECK_FAILS(
      TransformerModel::load(head.with("single_label_classification", "many_label_classification")),
      "UNSUPPORTED", "problem_type");
  const std::filesystem::path& other =
      head.with("BertForSequenceClassification", "BertForNextSentencePrediction");
  WEFT_CHECK_FAILS(Classifier::load(other), "FAILED_PRECONDITION", "BertForNextSentencePrediction");
  WEFT_CHECK_FAILS(TransformerModel::load(other)->forward({}), "UNSUPPORTED",
                   "BertForNextSentencePrediction");
  CHECK(Encoder::load(other).dimension() == 20);

  const ChangedHead ranker("cross_encoder_identity");
  WEFT_CHECK_FAILS(CrossEncoder::load(ranker.with("linear.Identity", "activation.Softplus")),
                   "UNSUPPORTED", "sbert_ce_default_activation_function");
  WEFT_CHECK_FAILS(CrossEncoder::load(ranker.with("torch.nn.modules.linear.Identity", "os.system")),
                   "UNSUPPORTED", "os.system");
}

TEST_CASE("a head's weights that are missing matter only where the head is loaded") {
  const ChangedHead head("bert_single_label");
  const std::filesystem::path& path = head.with("BertForSequenceClassification", "BertForMaskedLM");
  // Checkpoints of embeddings name the head that they were trained with.
  const auto model = TransformerModel::load(path);
  CHECK(std::ranges::count(model->info().outputs, "logits") == 0);
  CHECK(std::ranges::any_of(model->info().warnings, [](const std::string& warning) {
    return warning.find("no cls.predictions") != std::string::npos;
  }));
  WEFT_CHECK_FAILS(MaskedLM::load(path), "NOT_FOUND", "cls.predictions");
  CHECK(Encoder::load(path).dimension() == 20);
  // A classifier without its layer is a damaged file.
  const std::filesystem::path& tagger =
      head.with("BertForSequenceClassification", "ElectraForSequenceClassification");
  WEFT_CHECK_FAILS(TransformerModel::load(tagger), "NOT_FOUND", "classifier.dense");
}

TEST_CASE("pairs have one type where tokenizer_config.json leaves token types out") {
  std::string config;
  SUBCASE("of model_input_names") {
    config = R"({"model_input_names": ["input_ids", "attention_mask"]})";
  }
  SUBCASE("of model_input_names, which go before the class") {
    config = R"({"model_input_names": ["input_ids"], "tokenizer_class": "BertTokenizer"})";
  }
  SUBCASE("by a class of no model") { config = R"({"tokenizer_class": "TokenizersBackend"})"; }
  SUBCASE("by that class's older name") {
    config = R"({"tokenizer_class": "PreTrainedTokenizerFast"})";
  }
  const ChangedHead head("cross_encoder_identity");
  const std::vector<TextPair> pairs{{"red wool", "blue cloth"}};
  const CrossEncoder typed = CrossEncoder::load(head.directory().path());
  head.directory().write("tokenizer_config.json", config);
  const CrossEncoder untyped = CrossEncoder::load(head.directory().path());
  const Encoding tokens = untyped.tokenizer().encode_pair(pairs[0].first, pairs[0].second);
  const std::int64_t offsets[] = {0, static_cast<std::int64_t>(tokens.ids.size())};
  const auto score = [&](std::span<const std::int32_t> type_ids) {
    float result = 0;
    TransformerModel::load(head.directory().path())
        ->logits(tokens.ids, offsets,
                 [&](std::int64_t, std::span<const float> row) { result = row[0]; },
                 {.type_ids = type_ids, .tokens = {}});
    return result;
  };
  const std::vector<std::int32_t> zeros(tokens.ids.size(), 0);
  CHECK(untyped.score(pairs).data[0] == score(zeros));
  CHECK(typed.score(pairs).data[0] == score(tokens.type_ids));
  CHECK(score(zeros) != score(tokens.type_ids));
}

TEST_CASE("pairs have two types by a model's own tokenizer class, and where no class is named") {
  const ChangedHead head("cross_encoder_identity");
  for (const char* config :
       {R"({"tokenizer_class": "BertTokenizer"})", R"({"tokenizer_class": null})", "{}",
        R"({"tokenizer_class": "PreTrainedTokenizerFast",
            "model_input_names": ["input_ids", "token_type_ids"]})"}) {
    CAPTURE(config);
    head.directory().write("tokenizer_config.json", config);
    CHECK(CrossEncoder::load(head.directory().path()).tokenizer().gives_token_types());
  }
}

TEST_CASE("a masked LM whose tokenizer has no mask says so") {
  const ChangedHead head("bert_masked_lm");
  head.directory().write("tokenizer_config.json", R"({"mask_token": "[OF ANOTHER WORLD]"})");
  const std::filesystem::path& path = head.with("BertForMaskedLM", "BertForMaskedLM");
  WEFT_CHECK_FAILS(MaskedLM::load(path), "INVALID_ARGUMENT", "mask_token");
  head.directory().write("tokenizer_config.json", R"({"mask_token": {"content": "loom"}})");
  CHECK(MaskedLM::load(path).mask_token() == "loom");
  CHECK(MaskedLM::load(path).fill("a loom").masks.size() == 1);
}

}  // namespace weft::test
