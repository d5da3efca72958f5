// One line per head.
#include <array>

#include "runtime/heads/head.h"

namespace weft {
namespace {

using enum HeadKind;

constexpr std::string_view kClassifier = "classifier.weight",
                           kOutProj = "classifier.out_proj.weight",
                           kPredictions = "cls.predictions.transform.dense.weight",
                           kLmHead = "lm_head.dense.weight";

constexpr std::array kHeads{
    Head{"AlbertForMaskedLM", kMaskedLm, albert_masked_lm, "predictions.dense.weight"},
    Head{"AlbertForSequenceClassification", kSequence, pooled_classifier, kClassifier},
    Head{"AlbertForTokenClassification", kToken, token_classifier, kClassifier},
    Head{"BertForMaskedLM", kMaskedLm, bert_masked_lm, kPredictions},
    Head{"BertForSequenceClassification", kSequence, pooled_classifier, kClassifier},
    Head{"BertForTokenClassification", kToken, token_classifier, kClassifier},
    Head{"CamembertForMaskedLM", kMaskedLm, roberta_masked_lm, kLmHead},
    Head{"CamembertForSequenceClassification", kSequence, roberta_classifier, kOutProj},
    Head{"CamembertForTokenClassification", kToken, token_classifier, kClassifier},
    Head{"DebertaV2ForMaskedLM", kMaskedLm, deberta_masked_lm, kPredictions},
    Head{"DebertaV2ForSequenceClassification", kSequence, deberta_classifier, kClassifier},
    Head{"DebertaV2ForTokenClassification", kToken, token_classifier, kClassifier},
    Head{"DeiTForImageClassification", kImage, first_token_classifier, kClassifier},
    Head{"Dinov2ForImageClassification", kImage, dinov2_classifier, kClassifier},
    Head{"DistilBertForMaskedLM", kMaskedLm, distilbert_masked_lm, "vocab_transform.weight"},
    Head{"DistilBertForSequenceClassification", kSequence, distilbert_classifier, kClassifier},
    Head{"DistilBertForTokenClassification", kToken, token_classifier, kClassifier},
    Head{"ElectraForMaskedLM", kMaskedLm, electra_masked_lm, "generator_predictions.dense.weight"},
    Head{"ElectraForSequenceClassification", kSequence, electra_classifier, kOutProj},
    Head{"ElectraForTokenClassification", kToken, token_classifier, kClassifier},
    Head{"ErnieForMaskedLM", kMaskedLm, bert_masked_lm, kPredictions},
    Head{"ErnieForSequenceClassification", kSequence, pooled_classifier, kClassifier},
    Head{"ErnieForTokenClassification", kToken, token_classifier, kClassifier},
    Head{"EuroBertForMaskedLM", kMaskedLm, eurobert_masked_lm, ""},
    Head{"EuroBertForSequenceClassification", kSequence, eurobert_classifier, kClassifier},
    Head{"EuroBertForTokenClassification", kToken, token_classifier, kClassifier},
    Head{"GteForMaskedLM", kMaskedLm, roberta_masked_lm, kLmHead},
    Head{"GteForSequenceClassification", kSequence, pooled_classifier, kClassifier},
    Head{"GteForTokenClassification", kToken, token_classifier, kClassifier},
    Head{"JinaBertForMaskedLM", kMaskedLm, bert_masked_lm, kPredictions},
    Head{"JinaBertForSequenceClassification", kSequence, pooled_classifier, kClassifier},
    Head{"JinaBertForTokenClassification", kToken, token_classifier, kClassifier},
    Head{"MPNetForMaskedLM", kMaskedLm, roberta_masked_lm, kLmHead},
    Head{"MPNetForSequenceClassification", kSequence, roberta_classifier, kOutProj},
    Head{"MPNetForTokenClassification", kToken, token_classifier, kClassifier},
    Head{"MegatronBertForMaskedLM", kMaskedLm, bert_masked_lm, kPredictions},
    Head{"MegatronBertForSequenceClassification", kSequence, pooled_classifier, kClassifier},
    Head{"MegatronBertForTokenClassification", kToken, token_classifier, kClassifier},
    Head{"ModernBertForMaskedLM", kMaskedLm, modernbert_masked_lm, "head.dense.weight"},
    Head{"ModernBertForSequenceClassification", kSequence, modernbert_classifier, kClassifier},
    Head{"ModernBertForTokenClassification", kToken, modernbert_token_classifier, kClassifier},
    Head{"NewForMaskedLM", kMaskedLm, new_masked_lm, kLmHead},
    Head{"NewForSequenceClassification", kSequence, pooled_classifier, kClassifier},
    Head{"NewForTokenClassification", kToken, token_classifier, kClassifier},
    Head{"NomicBertForMaskedLM", kMaskedLm, nomic_masked_lm, kPredictions},
    Head{"NomicBertForPreTraining", kMaskedLm, nomic_pretraining_masked_lm, kPredictions},
    Head{"NomicBertForSequenceClassification", kSequence, pooled_classifier, kClassifier},
    Head{"NomicBertForTokenClassification", kToken, token_classifier, kClassifier},
    Head{"RobertaForMaskedLM", kMaskedLm, roberta_masked_lm, kLmHead},
    Head{"RobertaForSequenceClassification", kSequence, roberta_classifier, kOutProj},
    Head{"RobertaForTokenClassification", kToken, token_classifier, kClassifier},
    Head{"ViTForImageClassification", kImage, first_token_classifier, kClassifier},
    Head{"XLMRobertaForMaskedLM", kMaskedLm, roberta_masked_lm, kLmHead},
    Head{"XLMRobertaForSequenceClassification", kSequence, roberta_classifier, kOutProj},
    Head{"XLMRobertaForTokenClassification", kToken, token_classifier, kClassifier},
};

}  // namespace

const Head* find_head(const Config& config) {
  const std::vector<std::string> names = config.texts_or_empty("architectures");
  if (names.empty()) return nullptr;
  for (const Head& head : kHeads) {
    if (head.architecture == names[0]) return &head;
  }
  return nullptr;
}

std::vector<std::string> supported_heads() {
  std::vector<std::string> names;
  for (const Head& head : kHeads) names.emplace_back(head.architecture);
  return names;
}

}  // namespace weft
