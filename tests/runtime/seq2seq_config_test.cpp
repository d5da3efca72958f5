// Configurations of encoder-decoders that weft must refuse, by the key's name.
#include <doctest/doctest.h>

#include "tests/failure.h"
#include "tests/runtime/changed_model.h"
#include "weft/encoder_decoder.h"

namespace weft::test {
namespace {

void check(const char* model, const char* key, const char* value, const char* reason,
           const char* part) {
  CAPTURE(model);
  CAPTURE(key);
  CAPTURE(value);
  const ChangedModel changed(model, key, value);
  WEFT_CHECK_FAILS(EncoderDecoder::load(changed.path()), reason, part);
}

}  // namespace

TEST_CASE("sizes that are missing, no numbers, or do not fit together are refused") {
  for (const char* model : {"marian/translating", "bart/generating", "mbart/generating"}) {
    for (const char* key : {"d_model", "encoder_layers", "decoder_layers", "decoder_ffn_dim",
                            "encoder_attention_heads", "decoder_attention_heads", "vocab_size",
                            "max_position_embeddings"}) {
      for (const char* value : {"", "0", "-1", "\"3\"", "2.5", "1000000000000", "[2]"}) {
        check(model, key, value, "INVALID_ARGUMENT", key);
      }
    }
  }
  check("marian/translating", "d_model", "22", "INVALID_ARGUMENT",
        "d_model: expected a multiple of decoder_attention_heads (4), found 22");
  check("marian/translating", "max_position_embeddings", "100000", "INVALID_ARGUMENT",
        "max_position_embeddings");
  check("marian/translating", "vocab_size", "49", "CORRUPT_FILE",
        "shared.weight: expected [49, 20], file has [50, 20]");
  check("marian/translating", "decoder_layers", "4", "NOT_FOUND", "decoder.layers.3");
  check("bart/generating", "max_position_embeddings", "11", "CORRUPT_FILE",
        "embed_positions.weight: expected [13, 24], file has [12, 24]");
  check("marian/own_tables", "decoder_vocab_size", "30", "CORRUPT_FILE",
        "decoder.embed_tokens.weight: expected [30, 21], file has [31, 21]");
  check("t5/generating", "num_decoder_layers", "4", "NOT_FOUND", "decoder.block.3");
  check("t5/generating", "num_decoder_layers", "0", "INVALID_ARGUMENT", "num_decoder_layers");
  check("t5/generating", "relative_attention_num_buckets", "8", "CORRUPT_FILE",
        "relative_attention_bias.weight");
  check("torch_transformer/post_norm", "num_decoder_layers", "", "INVALID_ARGUMENT",
        "num_decoder_layers");
  check("torch_transformer/post_norm", "nhead", "5", "INVALID_ARGUMENT", "d_model");
  check("torch_transformer/post_norm", "d_model", "21", "CORRUPT_FILE", "expected [63");
}

TEST_CASE("what changes the mathematics of an encoder-decoder and is not built is refused") {
  check("marian/translating", "activation_function", "\"mish\"", "UNSUPPORTED",
        "activation_function: activation \"mish\" is not supported");
  check("marian/translating", "share_encoder_decoder_embeddings", "false", "NOT_FOUND",
        "encoder.embed_tokens.weight");
  check("marian/translating", "tie_word_embeddings", "false", "NOT_FOUND", "lm_head.weight");
  check("t5/generating", "feed_forward_proj", "\"gated-mish\"", "UNSUPPORTED", "feed_forward_proj");
  check("torch_transformer/pre_norm", "activation", "\"elu\"", "UNSUPPORTED", "activation");
  check("torch_transformer/pre_norm", "norm_first", "1", "INVALID_ARGUMENT", "norm_first");
  for (const char* model : {"marian/translating", "bart/generating", "mbart/generating",
                            "t5/generating", "torch_transformer/post_norm"}) {
    check(model, "is_decoder", "true", "UNSUPPORTED", "is_decoder");
    check(model, "quantization_config", "{}", "UNSUPPORTED", "quantization_config");
    check(model, "auto_map", "{\"AutoModel\": \"x\"}", "UNSUPPORTED", "auto_map");
  }
  check("bart/generating", "architectures", "[\"BartForSequenceClassification\"]", "UNSUPPORTED",
        "architectures: expected BartModel or BartForConditionalGeneration, found");
  check("bert/gelu_new", "vocab_size", "30", "UNSUPPORTED",
        "model_type: expected an encoder-decoder, one of [bahdanau, bart");
}

TEST_CASE("a directory is an encoder-decoder by its architecture's name, else by its flag") {
  const auto is = [](const char* model, const char* key, const char* value) {
    return is_encoder_decoder(ChangedModel(model, key, value).path());
  };
  CHECK(is("t5/generating", "architectures", "[\"T5Model\"]"));
  CHECK_FALSE(is("t5/generating", "architectures", "[\"T5EncoderModel\"]"));
  CHECK(is("t5/generating", "architectures", ""));
  CHECK_FALSE(is("mt5/generating", "architectures", ""));
  CHECK(is("marian/translating", "architectures", ""));
  CHECK(is_encoder_decoder(golden("torch_transformer/post_norm")));
  CHECK_FALSE(is_encoder_decoder(golden("torch_encoder/post_norm")));
  CHECK_FALSE(is_encoder_decoder(golden("bert/gelu_new")));
}

}  // namespace weft::test
