#include "runtime/models/bart_family.h"

#include <fmt/format.h>

#include <array>
#include <cmath>

namespace weft {
namespace {

constexpr float kEpsilon = 1e-5f;
constexpr ProjectionNames kProjections{"q_proj", "k_proj", "v_proj"};

Seq2SeqGraph new_family_member(const Config& config) {
  refuse_unsupported(config);
  Seq2SeqGraph model;
  model.encoder = new_token_model(config, {.hidden_size = "d_model",
                                           .layers = "encoder_layers",
                                           .heads = "encoder_attention_heads",
                                           .intermediate_size = "encoder_ffn_dim"});
  const std::int64_t hidden = model.encoder.hidden_size;
  model.decoder_layers = config.integer("decoder_layers", 1, kMostLayers);
  model.decoder_heads = config.integer("decoder_attention_heads", 1, kLargestSize);
  model.decoder_intermediate_size = config.integer("decoder_ffn_dim", 1, kLargestSize);
  if (hidden % model.decoder_heads != 0) {
    config.invalid("d_model", fmt::format("expected a multiple of decoder_attention_heads ({}), "
                                          "found {}",
                                          model.decoder_heads, hidden));
  }
  model.head_size = hidden / model.decoder_heads;
  model.target_vocabulary = model.encoder.vocabulary_size;
  model.encoder.max_tokens = model.max_target_tokens =
      config.integer("max_position_embeddings", 1, kMostPositions);
  return model;
}

// A residual sublayer: its LayerNorm before what it computes, or behind the sum.
struct Sublayer {
  Graph& graph;
  NormOrder order;
  Weights norm;
  Value x;  // what enters the layer, and is added

  Value in() const { return order == NormOrder::kBefore ? normed(x) : x; }
  Value out(const Weights& projection, Value computed) const {
    const Value sum = dense(graph, projection, computed, graph.cols(x), Activation::kNone, x);
    return order == NormOrder::kAfter ? normed(sum) : sum;
  }
  Value normed(Value value) const { return layer_norm(graph, norm, value, kEpsilon); }
};

class Builder {
 public:
  Builder(const Config& config, const Weights& checkpoint, const BartForm& form)
      : config_(config),
        checkpoint_(checkpoint),
        weights_(without_prefix(checkpoint, {"model"}, "encoder.layers.0.self_attn.q_proj.weight")),
        form_(form),
        model_(new_family_member(config)),
        activation_(read_activation(config, "activation_function", "gelu")) {
    if (form.tables == EmbeddingTables::kOwn) {
      model_.target_vocabulary =
          config.integer_or("decoder_vocab_size", model_.target_vocabulary, 1, INT32_MAX);
    }
  }

  Seq2SeqGraph build(LanguageHead head) {
    read_tables();
    encode();
    add_source_keys_values(model_, [&](std::int64_t i) {
      const Weights cross = decoder_layer(i).sub("encoder_attn");
      const auto projection = [&](const char* name) {
        return Projection{cross.sub(name).get("weight", {hidden(), hidden()}),
                          cross.sub(name).get("bias", {hidden()})};
      };
      return std::array{projection("k_proj"), projection("v_proj")};
    });
    const auto layers = [&](DecoderPass& pass) { decode(pass); };
    if (head == LanguageHead::kNo) {
      add_decoder(model_, layers, {});
      return std::move(model_);
    }
    LinearOptions bias;
    if (checkpoint_.has("final_logits_bias")) {
      bias.bias = checkpoint_.get("final_logits_bias", {1, model_.target_vocabulary})
                      .reshaped({model_.target_vocabulary});
    }
    const Weight output = output_weight(config_, checkpoint_, "lm_head.weight", target_table_);
    add_decoder(model_, layers, [&](Value y) { return graph().linear(y, output, bias); });
    return std::move(model_);
  }

 private:
  Graph& graph() { return model_.encoder.graph; }
  std::int64_t hidden() const { return model_.encoder.hidden_size; }
  Weights decoder_layer(std::int64_t i) const {
    return weights_.sub("decoder").sub(fmt::format("layers.{}", i));
  }

  void read_tables() {
    const char* const source = "encoder.embed_tokens.weight";
    const char* const target = "decoder.embed_tokens.weight";
    if (form_.tables == EmbeddingTables::kOwn) {
      source_table_ = first_of(weights_, {source}, model_.encoder.vocabulary_size, hidden());
      target_table_ = first_of(weights_, {target}, model_.target_vocabulary, hidden());
    } else {
      source_table_ = target_table_ = first_of(weights_, {"shared.weight", source, target},
                                               model_.encoder.vocabulary_size, hidden());
    }
    const float scale = config_.flag_or("scale_embedding", false)
                            ? static_cast<float>(std::sqrt(static_cast<double>(hidden())))
                            : 1.0f;
    scaled_source_table_ = scaled(source_table_, scale);
    scaled_target_table_ =
        form_.tables == EmbeddingTables::kOwn ? scaled(target_table_, scale) : scaled_source_table_;
  }

  Value embed(const Weights& side, Lookup tokens, Value positions, std::int64_t most) {
    const Weight table = form_.positions(side, most, hidden());
    const Value x = graph().embedding({tokens, {table, positions}});
    if (form_.embedding_norm == EmbeddingNorm::kNo) return x;
    return layer_norm(graph(), side.sub("layernorm_embedding"), x, kEpsilon);
  }

  Value feed_forward(const Weights& layer, Value x, std::int64_t intermediate_size) {
    const Sublayer sublayer{graph(), form_.norms, layer.sub("final_layer_norm"), x};
    const Value up =
        dense(graph(), layer.sub("fc1"), sublayer.in(), intermediate_size, activation_);
    return sublayer.out(layer.sub("fc2"), up);
  }

  // After all layers, where norms stand before the sublayers.
  Value finished(const Weights& side, Value x) {
    if (form_.norms == NormOrder::kAfter) return x;
    return layer_norm(graph(), side.sub("layer_norm"), x, kEpsilon);
  }

  void encode() {
    ModelGraph& model = model_.encoder;
    const Weights encoder = weights_.sub("encoder");
    Value x = embed(encoder, {scaled_source_table_, graph().input_ids("input_ids", model.tokens)},
                    graph().input_ids("position_ids", model.tokens), model.max_tokens);
    for (std::int64_t i = 0; i < model.layers; ++i) {
      model.hidden_states.push_back(x);
      const Weights layer = encoder.sub(fmt::format("layers.{}", i));
      const Weights attention = layer.sub("self_attn");
      const Sublayer sublayer{graph(), form_.norms, layer.sub("self_attn_layer_norm"), x};
      const AttentionValues seen =
          self_attention(graph(), attention, sublayer.in(), {.heads = model.heads}, kProjections);
      model.attentions.push_back(seen.weights);
      x = feed_forward(layer, sublayer.out(attention.sub("out_proj"), seen.output),
                       model.intermediate_size);
    }
    model.last_hidden_state = finished(encoder, x);
    model.hidden_states.push_back(model.last_hidden_state);
  }

  void decode(DecoderPass& pass) {
    const Weights decoder = weights_.sub("decoder");
    const AttentionOptions heads{.heads = model_.decoder_heads};
    Value y = embed(decoder, {scaled_target_table_, pass.ids(graph())}, pass.positions(graph()),
                    model_.max_target_tokens);
    for (std::int64_t i = 0; i < model_.decoder_layers; ++i) {
      pass.hidden_states.push_back(y);
      const Weights layer = decoder_layer(i);
      const Weights own = layer.sub("self_attn"), cross = layer.sub("encoder_attn");
      const Sublayer past{graph(), form_.norms, layer.sub("self_attn_layer_norm"), y};
      const Value qkv = query_key_value(graph(), own, past.in(), hidden(), kProjections);
      y = past.out(own.sub("out_proj"), pass.self_attention(graph(), qkv, heads));
      const Sublayer source{graph(), form_.norms, layer.sub("encoder_attn_layer_norm"), y};
      const Value q = dense(graph(), cross.sub("q_proj"), source.in(), hidden());
      y = source.out(cross.sub("out_proj"), pass.cross_attention(graph(), q, heads));
      y = feed_forward(layer, y, model_.decoder_intermediate_size);
    }
    pass.last_hidden_state = finished(decoder, y);
    pass.hidden_states.push_back(pass.last_hidden_state);
  }

  const Config& config_;
  const Weights& checkpoint_;
  Weights weights_;
  const BartForm& form_;
  Seq2SeqGraph model_;
  Activation activation_;
  Weight source_table_, target_table_, scaled_source_table_, scaled_target_table_;
};

}  // namespace

Seq2SeqGraph build_bart_family(const Config& config, const Weights& checkpoint, LanguageHead head,
                               const BartForm& form) {
  return Builder(config, checkpoint, form).build(head);
}

}  // namespace weft
