// One line per head.
#include <array>

#include "runtime/heads/head.h"

namespace weft {
namespace {

using enum HeadKind;

constexpr std::array kHeads{
    Head{"AlbertForMaskedLM", kMaskedLm, albert_masked_lm},
    Head{"AlbertForSequenceClassification", kSequence, pooled_classifier},
    Head{"AlbertForTokenClassification", kToken, token_classifier},
    Head{"BertForMaskedLM", kMaskedLm, bert_masked_lm},
    Head{"BertForSequenceClassification", kSequence, pooled_classifier},
    Head{"BertForTokenClassification", kToken, token_classifier},
    Head{"CamembertForMaskedLM", kMaskedLm, roberta_masked_lm},
    Head{"CamembertForSequenceClassification", kSequence, roberta_classifier},
    Head{"CamembertForTokenClassification", kToken, token_classifier},
    Head{"DebertaV2ForMaskedLM", kMaskedLm, deberta_masked_lm},
    Head{"DebertaV2ForSequenceClassification", kSequence, deberta_classifier},
    Head{"DebertaV2ForTokenClassification", kToken, token_classifier},
    Head{"DeiTForImageClassification", kImage, first_token_classifier},
    Head{"Dinov2ForImageClassification", kImage, dinov2_classifier},
    Head{"DistilBertForMaskedLM", kMaskedLm, distilbert_masked_lm},
    Head{"DistilBertForSequenceClassification", kSequence, distilbert_classifier},
    Head{"DistilBertForTokenClassification", kToken, token_classifier},
    Head{"ElectraForMaskedLM", kMaskedLm, electra_masked_lm},
    Head{"ElectraForSequenceClassification", kSequence, electra_classifier},
    Head{"ElectraForTokenClassification", kToken, token_classifier},
    Head{"ErnieForMaskedLM", kMaskedLm, bert_masked_lm},
    Head{"ErnieForSequenceClassification", kSequence, pooled_classifier},
    Head{"ErnieForTokenClassification", kToken, token_classifier},
    Head{"EuroBertForMaskedLM", kMaskedLm, eurobert_masked_lm},
    Head{"EuroBertForSequenceClassification", kSequence, eurobert_classifier},
    Head{"EuroBertForTokenClassification", kToken, token_classifier},
    Head{"GteForMaskedLM", kMaskedLm, roberta_masked_lm},
    Head{"GteForSequenceClassification", kSequence, pooled_classifier},
    Head{"GteForTokenClassification", kToken, token_classifier},
    Head{"MPNetForMaskedLM", kMaskedLm, roberta_masked_lm},
    Head{"MPNetForSequenceClassification", kSequence, roberta_classifier},
    Head{"MPNetForTokenClassification", kToken, token_classifier},
    Head{"MegatronBertForMaskedLM", kMaskedLm, bert_masked_lm},
    Head{"MegatronBertForSequenceClassification", kSequence, pooled_classifier},
    Head{"MegatronBertForTokenClassification", kToken, token_classifier},
    Head{"ModernBertForMaskedLM", kMaskedLm, modernbert_masked_lm},
    Head{"ModernBertForSequenceClassification", kSequence, modernbert_classifier},
    Head{"ModernBertForTokenClassification", kToken, modernbert_token_classifier},
    Head{"NewForSequenceClassification", kSequence, pooled_classifier},
    Head{"NewForTokenClassification", kToken, token_classifier},
    Head{"NomicBertForMaskedLM", kMaskedLm, nomic_masked_lm},
    Head{"NomicBertForSequenceClassification", kSequence, pooled_classifier},
    Head{"NomicBertForTokenClassification", kToken, token_classifier},
    Head{"RobertaForMaskedLM", kMaskedLm, roberta_masked_lm},
    Head{"RobertaForSequenceClassification", kSequence, roberta_classifier},
    Head{"RobertaForTokenClassification", kToken, token_classifier},
    Head{"ViTForImageClassification", kImage, first_token_classifier},
    Head{"XLMRobertaForMaskedLM", kMaskedLm, roberta_masked_lm},
    Head{"XLMRobertaForSequenceClassification", kSequence, roberta_classifier},
    Head{"XLMRobertaForTokenClassification", kToken, token_classifier},
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
