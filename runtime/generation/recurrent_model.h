// A recurrent encoder-decoder loaded: what EncoderDecoder is for models of model_type "bahdanau".
#pragma once

#include <memory>

#include "runtime/generation/recurrent_decoder.h"
#include "runtime/token_batch.h"
#include "weft/transformer_model.h"

namespace weft {

/// Thread-safe: every call makes sessions of its own, and concurrent ones share the threads.
class RecurrentModel {
 public:
  /// Throws Error naming key or tensor.
  RecurrentModel(const Config& config, const Weights& weights, const LoadOptions& options);

  /// Sources and given targets in; logits, last_hidden_state and encoder_last_hidden_state out,
  /// and cross_attentions.0 (B, 1, U, T) if attentions are asked for. Throws Error naming the
  /// tensor, Error(kUnsupported) if all hidden states are asked for.
  NamedArrays forward(const NamedArrays& inputs, const ForwardOptions& options) const;

  /// Encodes sources read with source_limits(); a step takes at most `rows` rows.
  std::unique_ptr<RecurrentDecoder> new_decoder(const TokenBatch& sources, std::int64_t rows,
                                                const StopCondition& stop = {}) const;

  const BahdanauSizes& sizes() const noexcept { return sizes_; }
  const Model& encoder() const noexcept { return *encode_; }
  const Model& step() const noexcept { return *step_; }
  const TokenLimits& source_limits() const noexcept { return source_limits_; }
  const TokenLimits& target_limits() const noexcept { return target_limits_; }

 private:
  EncodedSources encode(const TokenBatch& batch, const StopCondition& stop) const;
  RecurrentDecoder::Settings step_settings(std::int64_t rows) const;

  BahdanauSizes sizes_;
  RowSpace tokens_, rows_, sources_;
  TokenLimits source_limits_, target_limits_;
  std::shared_ptr<const Model> encode_, step_;
  int threads_ = 1;
  std::shared_ptr<ThreadBudget> budget_;
};

}  // namespace weft
