// Heads that score every entry of the vocabulary: a transform, then a product with the decoder,
// which is the word embeddings unless the checkpoint has a matrix of its own.
#include <fmt/format.h>

#include "runtime/blocks.h"
#include "runtime/heads/head.h"

namespace weft {
namespace {

// The decoder's weight under the name `own`, else the word embeddings tied to it: the one `table`,
// under whatever prefix the checkpoint has.
Weight decoder_weight(const HeadInput& in, std::string_view own, std::int64_t cols,
                      std::string_view table = "embeddings.word_embeddings.weight") {
  if (!in.weights.has(own) && in.config.flag_or("tie_word_embeddings", true)) {
    std::vector<std::string> names = in.weights.names();
    std::erase_if(names, [&](const std::string& name) {
      return name != table && !name.ends_with(fmt::format(".{}", table));
    });
    if (names.size() == 1) return in.weights.get(names[0], {in.labels, cols});
  }
  return in.weights.get(own, {in.labels, cols});
}

// Checkpoints hold the decoder's bias once, under the first or the second name.
Weight decoder_bias(const HeadInput& in, std::string_view name, std::string_view twin) {
  return in.weights.get(in.weights.has(name) || !in.weights.has(twin) ? name : twin, {in.labels});
}

Value decode(const HeadInput& in, Value x, const Weight& weight, const Weight& bias) {
  LinearOptions options;
  options.bias = bias;
  return in.graph.linear(x, weight, options);
}

float epsilon(const HeadInput& in, double fallback) {
  return static_cast<float>(in.config.positive_or("layer_norm_eps", fallback));
}

// cls.predictions.{transform.dense, transform.LayerNorm, decoder, bias} (BERT).
Value cls_predictions(const HeadInput& in, std::string_view norm, std::int64_t width, float eps) {
  const Weights head = in.weights.sub("cls.predictions");
  const Activation activation = read_activation(in.config, "hidden_act", "gelu");
  Value x = dense(in.graph, head.sub("transform.dense"), in.x, width, activation);
  x = layer_norm(in.graph, head.sub(norm), x, eps);
  return decode(in, x, decoder_weight(in, "cls.predictions.decoder.weight", width),
                decoder_bias(in, "cls.predictions.bias", "cls.predictions.decoder.bias"));
}

}  // namespace

Value bert_masked_lm(const HeadInput& in) {
  return cls_predictions(in, "transform.LayerNorm", in.graph.cols(in.x), epsilon(in, 1e-12));
}

Value nomic_masked_lm(const HeadInput& in) {
  return cls_predictions(in, "transform.layer_norm", in.graph.cols(in.x), epsilon(in, 1e-12));
}

// GELU for every gate but that of SwiGLU; biases as those of fc1.
Value nomic_pretraining_masked_lm(const HeadInput& in) {
  const Weights head = in.weights.sub("cls.predictions");
  const std::int64_t hidden = in.graph.cols(in.x);
  const Bias bias = in.config.flag_or("mlp_fc1_bias", true) ? Bias::kYes : Bias::kNo;
  const Activation activation = in.config.text_or("activation_function", "gelu_new") == "swiglu"
                                    ? Activation::kSilu
                                    : Activation::kGelu;
  Value x = dense(in.graph, head.sub("transform.dense"), in.x, hidden, activation, {}, bias);
  const auto eps = static_cast<float>(in.config.positive_or("layer_norm_epsilon", 1e-5));
  x = layer_norm(in.graph, head.sub("transform.layer_norm"), x, eps);
  const Weight weight = decoder_weight(in, "cls.predictions.decoder.weight", hidden);
  return decode(in, x, weight,
                bias == Bias::kYes ? head.get("decoder.bias", {in.labels}) : Weight());
}

Value deberta_masked_lm(const HeadInput& in) {
  in.config.require("legacy", true);
  const std::int64_t width =
      in.config.integer_or("embedding_size", in.graph.cols(in.x), 1, INT32_MAX);
  return cls_predictions(in, "transform.LayerNorm", width, epsilon(in, 1e-7));
}

// RoBERTa's family, MPNet and GTE: GELU whatever hidden_act says. transformers saves GTE's norm
// under the name of its checkpoints' own code.
Value roberta_masked_lm(const HeadInput& in) {
  const Weights head = in.weights.sub("lm_head");
  const std::int64_t hidden = in.graph.cols(in.x);
  Value x = dense(in.graph, head.sub("dense"), in.x, hidden, Activation::kGelu);
  x = layer_norm(in.graph, head.sub(head.has("norm.weight") ? "norm" : "layer_norm"), x,
                 epsilon(in, 1e-12));
  const Weight weight = decoder_weight(in, "lm_head.decoder.weight", hidden);
  return decode(in, x, weight, decoder_bias(in, "lm_head.bias", "lm_head.decoder.bias"));
}

Value new_masked_lm(const HeadInput& in) {
  const Weights head = in.weights.sub("lm_head");
  const std::int64_t hidden = in.graph.cols(in.x);
  const Activation activation = read_activation(in.config, "hidden_act", "gelu");
  Value x = dense(in.graph, head.sub("dense"), in.x, hidden, activation);
  x = layer_norm(in.graph, head.sub("norm"), x, epsilon(in, 1e-12));
  return decode(in, x, decoder_weight(in, "lm_head.decoder.weight", hidden),
                head.get("decoder.bias", {in.labels}));
}

Value distilbert_masked_lm(const HeadInput& in) {
  const std::int64_t hidden = in.graph.cols(in.x);
  const Activation activation = read_activation(in.config, "activation", "gelu");
  Value x = dense(in.graph, in.weights.sub("vocab_transform"), in.x, hidden, activation);
  x = layer_norm(in.graph, in.weights.sub("vocab_layer_norm"), x, 1e-12f);
  return decode(in, x, decoder_weight(in, "vocab_projector.weight", hidden),
                in.weights.get("vocab_projector.bias", {in.labels}));
}

Value albert_masked_lm(const HeadInput& in) {
  const Weights head = in.weights.sub("predictions");
  const std::int64_t width = in.config.integer_or("embedding_size", 128, 1, INT32_MAX);
  const Activation activation = read_activation(in.config, "hidden_act", "gelu_new");
  Value x = dense(in.graph, head.sub("dense"), in.x, width, activation);
  x = layer_norm(in.graph, head.sub("LayerNorm"), x, epsilon(in, 1e-12));
  return decode(in, x, decoder_weight(in, "predictions.decoder.weight", width),
                decoder_bias(in, "predictions.bias", "predictions.decoder.bias"));
}

// The generator: GELU whatever hidden_act says.
Value electra_masked_lm(const HeadInput& in) {
  const Weights head = in.weights.sub("generator_predictions");
  const std::int64_t width = in.config.integer_or("embedding_size", 128, 1, INT32_MAX);
  Value x = dense(in.graph, head.sub("dense"), in.x, width, Activation::kGelu);
  x = layer_norm(in.graph, head.sub("LayerNorm"), x, epsilon(in, 1e-12));
  return decode(in, x, decoder_weight(in, "generator_lm_head.weight", width),
                in.weights.get("generator_lm_head.bias", {in.labels}));
}

Value modernbert_masked_lm(const HeadInput& in) {
  const std::int64_t hidden = in.graph.cols(in.x);
  const Weight weight =
      decoder_weight(in, "decoder.weight", hidden, "embeddings.tok_embeddings.weight");
  Weight bias;
  if (in.config.flag_or("decoder_bias", true)) bias = in.weights.get("decoder.bias", {in.labels});
  return decode(in, modernbert_prediction_head(in, in.x), weight, bias);
}

// Tied only if tie_word_embeddings says so.
Value eurobert_masked_lm(const HeadInput& in) {
  const std::int64_t hidden = in.graph.cols(in.x);
  const bool tied = in.config.flag_or("tie_word_embeddings", false);
  const Weight weight = tied ? decoder_weight(in, "lm_head.weight", hidden, "embed_tokens.weight")
                             : in.weights.get("lm_head.weight", {in.labels, hidden});
  Weight bias;
  if (in.config.flag_or("mlp_bias", false)) bias = in.weights.get("lm_head.bias", {in.labels});
  return decode(in, in.x, weight, bias);
}

Value modernbert_prediction_head(const HeadInput& in, Value x) {
  const Weights head = in.weights.sub("head");
  const std::int64_t hidden = in.graph.cols(x);
  LinearOptions options;
  options.activation = read_activation(in.config, "classifier_activation", "gelu");
  if (in.config.flag_or("classifier_bias", false)) {
    options.bias = head.get("dense.bias", {hidden});
  }
  x = in.graph.linear(x, head.get("dense.weight", {hidden, hidden}), options);
  Weight beta;
  if (in.config.flag_or("norm_bias", false)) beta = head.get("norm.bias", {hidden});
  const auto eps = static_cast<float>(in.config.positive_or("norm_eps", 1e-5));
  return in.graph.layer_norm(x, head.get("norm.weight", {hidden}), beta, eps);
}

}  // namespace weft
