// Heads: what turns hidden states into logits. A head is one function over the encoder's values,
// by the checkpoint's own names, and one line in registry.cpp; architectures know nothing of it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/config.h"
#include "weft/graph.h"
#include "weft/head.h"
#include "weft/supported.h"
#include "weft/weights.h"

namespace weft {

/// What a head is built from.
struct HeadInput {
  Graph& graph;
  Value x;              // last_hidden_state or, for a masked LM, any rows of it: (rows, hidden)
  Value pooler_output;  // (sequences, hidden); absent without a pooler, and for a masked LM
  const Config& config;
  const Weights& weights;   // the checkpoint
  std::int64_t labels = 0;  // columns of the logits: labels or vocabulary
  Value leading_rows{};     // I32, (images, 1): rows of x before an image's patches; else absent
};

/// One line of the table: config.json's architectures[0] and how its head is built. Heads that
/// score labels are part of the encoder's graph. A masked LM, whose rows are as wide as the
/// vocabulary, is a graph of its own over rows of hidden states, run for the rows that are asked.
struct Head {
  std::string_view architecture;
  HeadKind kind;
  /// Gives the logits. Throws Error naming the key or tensor.
  Value (*build)(const HeadInput& in);
  std::string_view tensor;  // one that no checkpoint with this head lacks; empty if there is none
};

/// Whether the logits have one row per sequence, of which an image is one; else one per token.
constexpr bool scores_sequences(HeadKind kind) {
  return kind == HeadKind::kSequence || kind == HeadKind::kImage;
}

/// The head of config.json's architectures[0], or null if weft has none of this name.
const Head* find_head(const Config& config);

/// Of find_head(): labels (id2label, else num_labels unnamed ones, else transformers' default of
/// two) and problem_type. Throws Error(kInvalidArgument) unless the ids of id2label are 0 .. n-1.
HeadInfo read_head_info(const Config& config);

/// The last layer of a classifier, `layer`.{weight,bias}: x's rows to one score per label. Throws
/// Error(kInvalidArgument) naming id2label unless the layer has one row per label.
Value label_scores(const HeadInput& in, const Weights& layer, Value x);

// sequence_heads.cpp, named after the modules that they mirror.
Value pooled_classifier(const HeadInput& in);       // pooler -> classifier (BERT)
Value roberta_classifier(const HeadInput& in);      // first token -> dense, tanh -> out_proj
Value electra_classifier(const HeadInput& in);      // the same with GELU
Value distilbert_classifier(const HeadInput& in);   // first token -> pre_classifier, ReLU
Value deberta_classifier(const HeadInput& in);      // first token -> pooler.dense -> classifier
Value first_token_classifier(const HeadInput& in);  // first token -> classifier (ViT)
Value modernbert_classifier(const HeadInput& in);   // first token or mean -> head -> classifier
Value dinov2_classifier(const HeadInput& in);       // first token, mean of patches -> classifier
Value eurobert_classifier(const HeadInput& in);     // dense -> classifier, of a token or the mean

// token_heads.cpp
Value token_classifier(const HeadInput& in);
Value modernbert_token_classifier(const HeadInput& in);

// masked_lm_heads.cpp
Value bert_masked_lm(const HeadInput& in);
Value roberta_masked_lm(const HeadInput& in);
Value distilbert_masked_lm(const HeadInput& in);
Value albert_masked_lm(const HeadInput& in);
Value electra_masked_lm(const HeadInput& in);
Value deberta_masked_lm(const HeadInput& in);
Value new_masked_lm(const HeadInput& in);
Value nomic_masked_lm(const HeadInput& in);
Value nomic_pretraining_masked_lm(const HeadInput& in);  // of older checkpoints
Value modernbert_masked_lm(const HeadInput& in);
Value eurobert_masked_lm(const HeadInput& in);

/// ModernBERT's head.{dense,norm}, which its three heads share. (rows, hidden)
Value modernbert_prediction_head(const HeadInput& in, Value x);

}  // namespace weft
