// The encoder-decoder of Bahdanau et al. 2015 as the book "Dive into Deep Learning" writes it, from
// its state dict and a config.json:
//   {"model_type": "bahdanau", "vocab_size": 10000, "decoder_vocab_size": 8000,
//    "embedding_size": 256, "hidden_size": 256, "num_layers": 2, "max_length": 512,
//    "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
// decoder_vocab_size is vocab_size, embedding_size hidden_size and num_layers 1 unless given.
// max_length bounds source and target, default 1024; the ids are for generation.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/config.h"
#include "weft/graph.h"
#include "weft/weights.h"

namespace weft {

/// Whether config.json's model_type says so.
bool is_bahdanau(const Config& config);

struct BahdanauSizes {
  std::int64_t vocabulary = 0, decoder_vocabulary = 0;
  std::int64_t embedding = 0, hidden = 0, layers = 0, max_length = 0;
};

/// Two graphs of one model: the encoder, run once, and one step of the decoder.
struct BahdanauGraphs {
  BahdanauSizes sizes;
  /// Input input_ids. Outputs: states (tokens, hidden), of the top layer; keys (tokens, hidden),
  /// W_k states; state.i (sequences, hidden), each layer's last.
  Graph encode;
  RowSpace tokens;
  /// Rows are hypotheses, in one sequence per source. Inputs: input_ids, state.i (rows), keys and
  /// states (sources). Outputs: logits (rows, decoder_vocabulary), state.i (rows, hidden), weights
  /// per key.
  Graph step;
  RowSpace rows, sources;
};

/// "state.0", ...
std::string state_name(std::int64_t layer);

/// Throws Error naming key or tensor.
BahdanauGraphs build_bahdanau(const Config& config, const Weights& weights);

}  // namespace weft
