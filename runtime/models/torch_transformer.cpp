// torch.nn.Transformer (Vaswani et al. 2017) over given vectors, from its state dict and a
// config.json with the names of torch's constructor:
//   {"model_type": "torch.nn.Transformer", "d_model": 64, "nhead": 4, "num_encoder_layers": 2,
//    "num_decoder_layers": 2, "dim_feedforward": 256, "activation": "relu", "layer_norm_eps": 1e-5,
//    "norm_first": false, "bias": true}
// A target sees its past alone (tgt_mask = generate_square_subsequent_mask), the source whole.
#include <fmt/format.h>

#include "runtime/models/encoder_config.h"
#include "runtime/models/seq2seq_blocks.h"
#include "runtime/models/torch_blocks.h"

namespace weft {
namespace {

// Part `part` of three of in_proj_weight and in_proj_bias: queries, keys, values.
Projection in_projection(const Weights& attention, std::int64_t hidden, std::int64_t part,
                         Bias bias) {
  const Weight weight = attention.get("in_proj_weight", {3 * hidden, hidden});
  Projection projection{rows_of(weight, part * hidden, hidden), {}};
  if (bias == Bias::kYes) {
    const Weight all = attention.get("in_proj_bias", {3 * hidden}).reshaped({3 * hidden, 1});
    projection.bias = rows_of(all, part * hidden, hidden).reshaped({hidden});
  }
  return projection;
}

class Decoder {
 public:
  Decoder(Seq2SeqGraph& model, const Weights& weights, const TorchSettings& settings)
      : model_(model), weights_(weights), settings_(settings) {}

  Projection cross_projection(std::int64_t layer, std::int64_t part) const {
    return in_projection(of_layer(layer).sub("multihead_attn"), hidden(), part, settings_.bias);
  }

  void run(DecoderPass& pass) {
    Value y = pass.features(graph(), hidden());
    for (std::int64_t i = 0; i < model_.decoder_layers; ++i) {
      pass.hidden_states.push_back(y);
      const Weights layer = of_layer(i);
      Value sum = attended(layer.sub("self_attn"), past(pass, layer, before(layer, "norm1", y)), y);
      y = after(layer, "norm1", sum);
      const Projection query = cross_projection(i, 0);
      const Value q = graph().linear(before(layer, "norm2", y), query.weight, {.bias = query.bias});
      sum = attended(layer.sub("multihead_attn"),
                     pass.cross_attention(graph(), q, {.heads = model_.decoder_heads}), y);
      y = after(layer, "norm2", sum);
      sum = torch_feed_forward(model_.encoder, layer, before(layer, "norm3", y), y,
                               model_.decoder_intermediate_size, settings_);
      y = after(layer, "norm3", sum);
    }
    pass.last_hidden_state = norm(weights_, "norm", y);
    pass.hidden_states.push_back(pass.last_hidden_state);
  }

 private:
  Graph& graph() { return model_.encoder.graph; }
  std::int64_t hidden() const { return model_.encoder.hidden_size; }
  Weights of_layer(std::int64_t i) const { return weights_.sub(fmt::format("layers.{}", i)); }

  Value norm(const Weights& of, const char* name, Value x) {
    return layer_norm(graph(), of.sub(name), x, settings_.eps, settings_.bias);
  }
  Value before(const Weights& layer, const char* name, Value x) {
    return settings_.norm == TorchNorm::kBefore ? norm(layer, name, x) : x;
  }
  Value after(const Weights& layer, const char* name, Value x) {
    return settings_.norm == TorchNorm::kAfter ? norm(layer, name, x) : x;
  }

  Value past(DecoderPass& pass, const Weights& layer, Value x) {
    const Weights attention = layer.sub("self_attn");
    LinearOptions options;
    if (settings_.bias == Bias::kYes) {
      options.bias = attention.get("in_proj_bias", {3 * hidden()});
    }
    const Value qkv =
        graph().linear(x, attention.get("in_proj_weight", {3 * hidden(), hidden()}), options);
    return pass.self_attention(graph(), qkv, {.heads = model_.decoder_heads});
  }

  Value attended(const Weights& attention, Value seen, Value x) {
    return dense(graph(), attention.sub("out_proj"), seen, hidden(), Activation::kNone, x,
                 settings_.bias);
  }

  Seq2SeqGraph& model_;
  Weights weights_;
  const TorchSettings& settings_;
};

}  // namespace

Seq2SeqGraph build_torch_transformer(const Config& config, const Weights& weights, LanguageHead) {
  refuse_unsupported(config);
  Seq2SeqGraph model;
  ModelGraph& encoder = model.encoder;
  encoder = new_model(config, {.hidden_size = "d_model",
                               .layers = "num_encoder_layers",
                               .heads = "nhead",
                               .intermediate_size = "dim_feedforward"});
  encoder.input = InputKind::kVectors;
  encoder.max_tokens = model.max_target_tokens = kLongestWithoutPositions;
  model.decoder_layers = config.integer("num_decoder_layers", 1, kMostLayers);
  model.decoder_heads = encoder.heads;
  model.decoder_intermediate_size = encoder.intermediate_size;
  model.head_size = encoder.head_size;
  const TorchSettings settings = read_torch_settings(config);

  const Weights of_encoder = weights.sub("encoder");
  Value x = encoder.graph.input(kFeatureInput, encoder.tokens, encoder.hidden_size);
  for (std::int64_t i = 0; i < encoder.layers; ++i) {
    x = torch_encoder_layer(encoder, of_encoder.sub(fmt::format("layers.{}", i)), x, settings);
  }
  encoder.last_hidden_state =
      layer_norm(encoder.graph, of_encoder.sub("norm"), x, settings.eps, settings.bias);
  encoder.hidden_states.push_back(encoder.last_hidden_state);

  Decoder decoder(model, weights.sub("decoder"), settings);
  add_source_keys_values(model, [&](std::int64_t i) {
    return std::array{decoder.cross_projection(i, 1), decoder.cross_projection(i, 2)};
  });
  add_decoder(model, [&](DecoderPass& pass) { decoder.run(pass); }, {});
  return model;
}

}  // namespace weft
