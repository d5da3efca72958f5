// What a TransformerModel holds, shared by the files that load it and run it.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "runtime/heads/head.h"
#include "runtime/models/model_graph.h"
#include "runtime/sentence_graph.h"
#include "runtime/session_pool.h"
#include "runtime/token_batch.h"
#include "runtime/vocabulary_head.h"
#include "weft/transformer_model.h"

namespace weft {

inline constexpr const char* kLogitsOutput = "logits";

inline std::string hidden_state_name(std::int64_t i) { return fmt::format("hidden_states.{}", i); }
inline std::string attention_name(std::int64_t i) { return fmt::format("attentions.{}", i); }

/// What ragged ids are run with; spans are empty, or whole.
struct RunOptions {
  std::span<const std::int32_t> type_ids = {};     // per id; empty: 0
  std::span<const std::int32_t> skip = {};         // per sequence; empty: 0
  std::span<const std::int32_t> key_lengths = {};  // per sequence; empty: the sequence's length
  StopCondition stop = {};
  Profile* profile = nullptr;
};

struct TransformerModel::Impl {
  ModelInfo info;
  TokenLimits token_limits;
  std::vector<float> image_positions;  // that token_limits views
  RowSpace tokens;
  std::int64_t layers = 0;
  std::int64_t heads = 0;
  std::string config_source;
  std::string unsupported_head;        // architectures[0] if it names a head that weft lacks
  std::int64_t logits_cols = 0;        // 0: no head
  std::int64_t pooler_columns = 0;     // 0: no pooler
  std::int64_t token_vector_cols = 0;  // 0: not a model of token vectors
  bool has_modules = false;            // the directory is a sentence-transformers model
  bool ends_with_normalize = false;
  bool limits_keys = false;  // the graph has the input kKeyLengthsInput
  std::shared_ptr<const Model> model;
  std::optional<VocabularyHead> vocabulary_head;  // of a masked LM
  SessionLimits limits;
  std::int64_t chunk_tokens = 0;  // a chunk of more has one sequence
  std::unique_ptr<ThreadBudget> budget;
  std::unique_ptr<SessionPool> sessions, unnormalized_sessions;
  std::unique_ptr<SessionPool> token_sessions;   // of token_vectors()
  std::unique_ptr<SessionPool> logits_sessions;  // of what logits() reads from the encoder's graph

  void load(const std::filesystem::path& directory, const LoadOptions& options);
  void load_head(const Config& config, const Weights& weights, const LoadOptions& options,
                 ModelGraph& built);
  void describe(const Config& config, const ModelGraph& built, const Weights& weights);
  const char* logits_source() const {
    return vocabulary_head ? "last_hidden_state" : kLogitsOutput;
  }

  /// Throws Error(kFailedPrecondition) unless the model takes token ids.
  void require_ids(std::string_view call) const;
  void forward_part(const TokenBatch& batch, std::int64_t first, std::int64_t last,
                    Session& session, int threads, const ForwardOptions& options,
                    NamedArrays& out) const;
  void forward_vocabulary(const TokenBatch& batch, std::int64_t first, const Tensor& hidden,
                          int threads, const StopCondition& stop, Array& out) const;
  /// Fills `out`, whose arrays have the names of outputs and the shapes for this batch.
  void forward_all(const TokenBatch& batch, const ForwardOptions& options, NamedArrays& out) const;
  NamedArrays new_outputs(const TokenBatch& batch, const ForwardOptions& options) const;
  SessionLimits forward_limits(const TokenBatch& batch, const ForwardOptions& options) const;

  /// Runs ragged ids in chunks of whole sequences: use(session, first, last, threads) after each.
  template <typename Use>
  void run_chunks(SessionPool& pool, std::span<const std::int32_t> ids,
                  std::span<const std::int64_t> offsets, const RunOptions& options,
                  const Use& use) const;
};

}  // namespace weft
