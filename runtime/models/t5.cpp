// T5 (Raffel et al. 2020) and mT5, the encoder alone or with the decoder: pre-norm with RMS norm,
// no biases, attention that is not scaled and has a learned bias by distance, as transformers'
// models/t5/modeling_t5.py computes it.
#include <fmt/format.h>

#include <cmath>

#include "runtime/blocks.h"
#include "runtime/models/encoder_config.h"
#include "runtime/models/seq2seq_blocks.h"
#include "weft/positions.h"

namespace weft {
namespace {

constexpr ProjectionNames kProjections{"q", "k", "v"};

// mT5 differs in defaults, and in that it never scales what enters the head.
enum class Family : std::uint8_t { kT5, kMt5 };

struct Settings {
  std::int64_t buckets, max_distance;
  float eps;
  Activation activation;
  bool gated;
};

/// feed_forward_proj is "relu", "gated-silu" and the like; "gated-gelu" alone means the tanh form.
Settings read_settings(const Config& config, Family family) {
  const std::string text =
      config.text_or("feed_forward_proj", family == Family::kT5 ? "relu" : "gated-gelu");
  const bool gated = text.starts_with("gated-");
  const Activation activation =
      text == "gated-gelu"
          ? Activation::kGeluTanh
          : activation_named(config, "feed_forward_proj", gated ? text.substr(6) : text);
  return {.buckets = config.integer_or("relative_attention_num_buckets", 32, 4, 1 << 16),
          .max_distance = config.integer_or("relative_attention_max_distance", 128, 1, 1 << 16),
          .eps = read_epsilon(config, "layer_norm_epsilon", 1e-6),
          .activation = activation,
          .gated = gated};
}

class Builder {
 public:
  Builder(const Config& config, const Weights& checkpoint, Family family)
      : config_(config),
        checkpoint_(checkpoint),
        weights_(without_prefix(checkpoint, {"transformer"}, "encoder.final_layer_norm.weight")),
        family_(family),
        settings_(read_settings(config, family)) {
    refuse_unsupported(config);
    model_.encoder = new_token_model(config, {.hidden_size = "d_model",
                                              .layers = "num_layers",
                                              .heads = "num_heads",
                                              .intermediate_size = "d_ff",
                                              .head_size = "d_kv"});
    model_.encoder.bare_architectures = {"T5EncoderModel", "MT5EncoderModel"};
    model_.encoder.max_tokens = kLongestWithoutPositions;
  }

  ModelGraph encoder() {
    encode();
    return std::move(model_.encoder);
  }

  Seq2SeqGraph encoder_decoder(LanguageHead head) {
    encode();
    const ModelGraph& encoder = model_.encoder;
    model_.decoder_layers =
        config_.integer_or("num_decoder_layers", encoder.layers, 1, kMostLayers);
    model_.decoder_heads = encoder.heads;
    model_.decoder_intermediate_size = encoder.intermediate_size;
    model_.head_size = encoder.head_size;
    model_.target_vocabulary = encoder.vocabulary_size;
    model_.max_target_tokens = kLongestWithoutPositions;
    add_source_keys_values(model_, [&](std::int64_t i) {
      const Weights cross = block("decoder", i).sub("layer.1.EncDecAttention");
      const auto projection = [&](const char* name) {
        return Projection{cross.get(name, {inner(), hidden()}), {}};
      };
      return std::array{projection("k.weight"), projection("v.weight")};
    });
    const Weight table = embedding_table("decoder.embed_tokens.weight");
    const Value bias = distance_bias("decoder", DistanceBuckets::kCausal);
    const auto layers = [&](DecoderPass& pass) { decode(pass, table, bias); };
    if (head == LanguageHead::kNo) {
      add_decoder(model_, layers, {});
      return std::move(model_);
    }
    // The scores of tied tables are those of the result divided by sqrt(d_model). Newer files say
    // so by a key of its own, beside which the tables always count as tied.
    const bool is_scaled =
        family_ == Family::kT5 &&
        config_.flag_or("scale_decoder_outputs", config_.flag_or("tie_word_embeddings", true));
    const float scale =
        is_scaled ? static_cast<float>(1 / std::sqrt(static_cast<double>(hidden()))) : 1.0f;
    const Weight output =
        scaled(output_weight(config_, checkpoint_, "lm_head.weight", table), scale);
    add_decoder(model_, layers, [&](Value y) { return graph().linear(y, output); });
    return std::move(model_);
  }

 private:
  Graph& graph() { return model_.encoder.graph; }
  std::int64_t hidden() const { return model_.encoder.hidden_size; }
  std::int64_t inner() const { return model_.encoder.heads * model_.encoder.head_size; }
  Weights block(const char* side, std::int64_t i) const {
    return weights_.sub(fmt::format("{}.block.{}", side, i));
  }
  Value norm(const Weights& of, Value x) {
    return graph().rms_norm(x, of.get("weight", {hidden()}), settings_.eps);
  }

  // Tied: saved under one name or several, a side's own first.
  Weight embedding_table(const char* own) const {
    return first_of(weights_, {own, "shared.weight", "encoder.embed_tokens.weight"},
                    model_.encoder.vocabulary_size, hidden());
  }

  // Of all layers of a side, from its first.
  Value distance_bias(const char* side, DistanceBuckets rule) {
    const char* name = "layer.0.SelfAttention.relative_attention_bias.weight";
    const Weight table = block(side, 0).get(name, {settings_.buckets, model_.encoder.heads});
    return graph().constant(bucket_bias(table, rule, settings_.max_distance));
  }

  // Attention projected back and added to what entered the layer.
  Value attended(const Weights& attention, Value seen, Value x) {
    return dense(graph(), attention.sub("o"), seen, hidden(), Activation::kNone, x, Bias::kNo);
  }

  Value feed_forward(const Weights& layer, Value x) {
    const Value normed = norm(layer.sub("layer_norm"), x);
    const Weights weights = layer.sub("DenseReluDense");
    const std::int64_t size = model_.encoder.intermediate_size;
    Value up;
    if (settings_.gated) {
      const auto projection = [&](const char* name) {
        return Projection{weights.get(name, {size, hidden()}), {}};
      };
      const Value both =
          graph().linear(normed, {projection("wi_0.weight"), projection("wi_1.weight")});
      up = gated_halves(graph(), both, Half::kFirst, settings_.activation);
    } else {
      up = dense(graph(), weights.sub("wi"), normed, size, settings_.activation, {}, Bias::kNo);
    }
    return dense(graph(), weights.sub("wo"), up, hidden(), Activation::kNone, x, Bias::kNo);
  }

  Value self_projections(const Weights& layer, Value x) {
    return query_key_value(graph(), layer.sub("SelfAttention"), norm(layer.sub("layer_norm"), x),
                           inner(), kProjections, Bias::kNo);
  }

  void encode() {
    ModelGraph& model = model_.encoder;
    Value x = graph().embedding({{embedding_table("encoder.embed_tokens.weight"),
                                  graph().input_ids("input_ids", model.tokens)}});
    AttentionOptions options{.heads = model.heads, .scale = 1};
    options.distance_bias = distance_bias("encoder", DistanceBuckets::kBidirectional);
    for (std::int64_t i = 0; i < model.layers; ++i) {
      model.hidden_states.push_back(x);
      const Weights layer = block("encoder", i).sub("layer.0");
      const AttentionValues seen = attention_of(graph(), self_projections(layer, x), options);
      model.attentions.push_back(seen.weights);
      x = attended(layer.sub("SelfAttention"), seen.output, x);
      x = feed_forward(block("encoder", i).sub("layer.1"), x);
    }
    model.last_hidden_state = norm(weights_.sub("encoder.final_layer_norm"), x);
    model.hidden_states.push_back(model.last_hidden_state);
  }

  void decode(DecoderPass& pass, const Weight& table, Value bias) {
    AttentionOptions past{.heads = model_.decoder_heads, .scale = 1};
    past.distance_bias = bias;
    const AttentionOptions source{.heads = model_.decoder_heads, .scale = 1};
    Value y = graph().embedding({{table, pass.ids(graph())}});
    for (std::int64_t i = 0; i < model_.decoder_layers; ++i) {
      pass.hidden_states.push_back(y);
      const Weights own = block("decoder", i).sub("layer.0");
      const Value qkv = self_projections(own, y);
      y = attended(own.sub("SelfAttention"), pass.self_attention(graph(), qkv, past), y);
      const Weights layer = block("decoder", i).sub("layer.1");
      const Weights cross = layer.sub("EncDecAttention");
      const Value q = dense(graph(), cross.sub("q"), norm(layer.sub("layer_norm"), y), inner(),
                            Activation::kNone, {}, Bias::kNo);
      y = attended(cross, pass.cross_attention(graph(), q, source), y);
      y = feed_forward(block("decoder", i).sub("layer.2"), y);
    }
    pass.last_hidden_state = norm(weights_.sub("decoder.final_layer_norm"), y);
    pass.hidden_states.push_back(pass.last_hidden_state);
  }

  const Config& config_;
  const Weights& checkpoint_;
  Weights weights_;
  Family family_;
  Settings settings_;
  Seq2SeqGraph model_;
};

}  // namespace

ModelGraph build_t5(const Config& config, const Weights& weights) {
  return Builder(config, weights, Family::kT5).encoder();
}

ModelGraph build_mt5(const Config& config, const Weights& weights) {
  return Builder(config, weights, Family::kMt5).encoder();
}

Seq2SeqGraph build_t5_seq2seq(const Config& config, const Weights& weights, LanguageHead head) {
  return Builder(config, weights, Family::kT5).encoder_decoder(head);
}

Seq2SeqGraph build_mt5_seq2seq(const Config& config, const Weights& weights, LanguageHead head) {
  return Builder(config, weights, Family::kMt5).encoder_decoder(head);
}

}  // namespace weft
