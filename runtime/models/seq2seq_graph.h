// What the file of an encoder-decoder builds: one graph that holds the encoder and two ways through
// the decoder, of which a session plans what it is asked for. Weights are packed once for all.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/models/decoder_pass.h"
#include "runtime/models/model_graph.h"

namespace weft {

inline constexpr const char* kSourceKeysValues = "source_keys_values";  // an output, then an input
inline constexpr const char* kHeadRows = "head_rows";

/// An encoder-decoder. The graph is the encoder's; the architecture names no outputs.
struct Seq2SeqGraph {
  ModelGraph encoder;
  /// Keys and values of the sources for every layer of the decoder, side by side:
  /// (source tokens, decoder layers * 2 * inner). Computed once per source.
  Value source_keys_values;
  DecoderPass targets;  // all positions of given targets at once
  DecoderPass step;     // one position of each hypothesis; not built without a vocabulary
  Value step_logits;    // (hypotheses, vocabulary); absent without a head
  RowSpace head_rows;   // of the input kHeadRows, (rows, hidden)
  Value head_logits;    // what the head gives for kHeadRows

  std::int64_t decoder_layers = 0, decoder_heads = 0, decoder_intermediate_size = 0;
  std::int64_t head_size = 0;          // of the decoder's heads
  std::int64_t target_vocabulary = 0;  // 0: the decoder takes vectors
  std::int64_t max_target_tokens = 0;
};

/// Whether the head that gives a vocabulary's scores is built.
enum class LanguageHead : std::uint8_t { kNo, kYes };

/// An architecture: its config.json model_type, the function that builds it, and the values of
/// architectures[0] that name it, without a head and with one.
struct Seq2SeqArchitecture {
  std::string_view model_type;
  /// Throws Error naming the key or tensor, as Architecture::build does.
  Seq2SeqGraph (*build)(const Config& config, const Weights& weights, LanguageHead head);
  std::string_view bare;
  std::string_view generating;  // empty: none
};

/// Whether a config means an encoder-decoder: by architectures[0], else by is_encoder_decoder.
bool is_seq2seq(const Config& config);
/// By model_type and architectures[0]. Throws Error(kUnsupported) listing those that there are.
const Seq2SeqArchitecture& find_seq2seq_architecture(const Config& config);
/// Whether architectures[0] names the class with a head.
LanguageHead language_head_of(const Config& config, const Seq2SeqArchitecture& architecture);

Seq2SeqGraph build_bart(const Config& config, const Weights& weights, LanguageHead head);
Seq2SeqGraph build_marian(const Config& config, const Weights& weights, LanguageHead head);
Seq2SeqGraph build_mbart(const Config& config, const Weights& weights, LanguageHead head);
Seq2SeqGraph build_mt5_seq2seq(const Config& config, const Weights& weights, LanguageHead head);
Seq2SeqGraph build_t5_seq2seq(const Config& config, const Weights& weights, LanguageHead head);
Seq2SeqGraph build_torch_transformer(const Config& config, const Weights& weights,
                                     LanguageHead head);

}  // namespace weft
