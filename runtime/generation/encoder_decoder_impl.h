// What an EncoderDecoder holds, shared by the files that load it, run it over targets, and decode
// step by step.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <memory>
#include <string>

#include "runtime/generation/recurrent_model.h"
#include "runtime/models/seq2seq_graph.h"
#include "runtime/session_pool.h"
#include "runtime/token_batch.h"
#include "weft/encoder_decoder.h"

namespace weft {

inline constexpr const char* kStepLogits = "step_logits";
inline constexpr const char* kHeadLogits = "head_logits";

struct EncoderDecoder::Impl {
  EncoderDecoderInfo info;
  TokenLimits source_limits, target_limits;  // what batches of sources and targets are read with
  RowSpace sources, targets, head_rows;
  DecoderPass step;
  bool has_head = false;
  std::int64_t source_columns = 0;  // of kSourceKeysValues
  std::string config_source;
  std::shared_ptr<const Model> model;
  SessionLimits limits;
  std::unique_ptr<ThreadBudget> budget;
  /// Of a recurrent model, which has graphs of its own; `model` and its row spaces are not set
  /// then.
  std::unique_ptr<const RecurrentModel> recurrent;

  void load(const std::filesystem::path& directory, const LoadOptions& options);
  void describe(const Config& config, const Seq2SeqGraph& built, const Weights& weights);
  void load_recurrent(const std::filesystem::path& directory, const Config& config,
                      const LoadOptions& options);
};

}  // namespace weft
