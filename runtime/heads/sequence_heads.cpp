// Heads that give one row of label scores per sequence, each as transformers'
// XForSequenceClassification computes it (dropout does nothing in inference).
#include <fmt/format.h>

#include "runtime/blocks.h"
#include "runtime/heads/head.h"

namespace weft {
namespace {

Value first_token(const HeadInput& in) { return in.graph.pool(in.x, Pooling::kCls); }

Value classifier(const HeadInput& in, Value x) {
  return label_scores(in, in.weights.sub("classifier"), x);
}

// classifier.dense, an activation, classifier.out_proj over the first token.
Value dense_then_out_proj(const HeadInput& in, Activation activation) {
  const Weights head = in.weights.sub("classifier");
  const Value x =
      dense(in.graph, head.sub("dense"), first_token(in), in.graph.cols(in.x), activation);
  return label_scores(in, head.sub("out_proj"), x);
}

}  // namespace

Value pooled_classifier(const HeadInput& in) {
  if (!in.pooler_output) {
    in.config.invalid("architectures",
                      "expected a pooler in the checkpoint, which this head reads, found none");
  }
  return classifier(in, in.pooler_output);
}

Value first_token_classifier(const HeadInput& in) { return classifier(in, first_token(in)); }

Value roberta_classifier(const HeadInput& in) { return dense_then_out_proj(in, Activation::kTanh); }

Value electra_classifier(const HeadInput& in) { return dense_then_out_proj(in, Activation::kGelu); }

Value distilbert_classifier(const HeadInput& in) {
  const Value x = dense(in.graph, in.weights.sub("pre_classifier"), first_token(in),
                        in.graph.cols(in.x), Activation::kRelu);
  return classifier(in, x);
}

Value deberta_classifier(const HeadInput& in) {
  const std::int64_t hidden = in.graph.cols(in.x);
  if (in.config.integer_or("pooler_hidden_size", hidden, 1, INT32_MAX) != hidden) {
    in.config.unsupported("pooler_hidden_size", "is only supported as hidden_size");
  }
  const Activation activation = read_activation(in.config, "pooler_hidden_act", "gelu");
  return classifier(
      in, dense(in.graph, in.weights.sub("pooler.dense"), first_token(in), hidden, activation));
}

Value dinov2_classifier(const HeadInput& in) {
  if (!in.leading_rows) {
    in.config.invalid("architectures", "expected a model of images, which this head reads");
  }
  const Value patches = in.graph.pool(in.x, Pooling::kMean, in.leading_rows);
  return classifier(in, in.graph.concat({first_token(in), patches}));
}

Value modernbert_classifier(const HeadInput& in) {
  const std::string pooling = in.config.text_or("classifier_pooling", "cls");
  if (pooling != "cls" && pooling != "mean") {
    in.config.unsupported("classifier_pooling",
                          fmt::format("expected \"cls\" or \"mean\", found {}",
                                      in.config.find("classifier_pooling")->preview()));
  }
  const Value pooled = in.graph.pool(in.x, pooling == "cls" ? Pooling::kCls : Pooling::kMean);
  return classifier(in, modernbert_prediction_head(in, pooled));
}

// "late" is the mean of every token's scores.
Value eurobert_classifier(const HeadInput& in) {
  const std::string pooling = in.config.text_or("classifier_pooling", "late");
  if (pooling != "bos" && pooling != "mean" && pooling != "late") {
    in.config.unsupported("classifier_pooling",
                          fmt::format("expected \"bos\", \"mean\" or \"late\", found {}",
                                      in.config.find("classifier_pooling")->preview()));
  }
  Value x = in.x;
  if (pooling == "bos") x = first_token(in);
  if (pooling == "mean") x = in.graph.pool(x, Pooling::kMean);
  x = dense(in.graph, in.weights.sub("dense"), x, in.graph.cols(x), Activation::kGelu);
  const Value scores = classifier(in, x);
  return pooling == "late" ? in.graph.pool(scores, Pooling::kMean) : scores;
}

}  // namespace weft
