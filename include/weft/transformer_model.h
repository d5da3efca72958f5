// A Hugging Face or sentence-transformers directory as a model that runs: config.json and weights,
// no tokenizer. Encoder (encoder.h) puts texts in front of it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "weft/head.h"
#include "weft/model.h"
#include "weft/profile.h"
#include "weft/safetensors.h"
#include "weft/session.h"

namespace weft {

/// Whether the head that config.json names is loaded. Without it there are no logits, its weights
/// take no memory, and nothing that is wrong with them matters.
enum class LoadHead : std::uint8_t {
  kYes,        ///< its weights must be there
  kIfPresent,  ///< as kYes, but not a masked LM that the file has nothing of: checkpoints of
               ///< embeddings often name the head that they were trained with;
               ///< ModelInfo::warnings says so
  kNo,
};

struct LoadOptions {
  CompileOptions compile;
  /// Shape of the sessions made for this model; `longest` is taken from the model. More input than
  /// `tokens` or `sequences` is cut into chunks of whole sequences, which never changes a result.
  /// `tokens` 0: kTokensPerThread for each thread.
  SessionLimits limits{.tokens = 0};
  /// Pool last_hidden_state with this instead of what the directory's modules say (no Dense, no
  /// Normalize then).
  std::optional<Pooling> pooling;
  /// Error(kCorruptFile) naming tensor and index if a weight is NaN or infinite.
  bool check_weights = false;
  LoadHead head = LoadHead::kIfPresent;  ///< the classes for a task, like Classifier, need it
};

/// What `weft info` prints.
struct ModelInfo {
  std::string architecture;  ///< config.json's model_type
  std::string source;        ///< the directory
  std::vector<std::string> weight_files;
  std::string file_dtype;            ///< of the weights, e.g. "F32" or "BF16, F32"
  std::string compute_dtype;         ///< e.g. "f32"
  std::string compute_dtype_reason;  ///< what else there is than products in that dtype
  std::string attention_dtype;       ///< of attention's two products: "f32" or "bf16"
  std::string attention_dtype_reason;
  Isa isa{};
  std::string isa_reason;
  GemmBackend gemm{};
  std::string gemm_reason;
  std::vector<std::string> kernels;  ///< of the products, e.g. "native avx512 14x32"
  int threads = 0;
  std::string threads_reason;
  std::int64_t parameters = 0;
  std::int64_t layers = 0, hidden_size = 0, heads = 0, intermediate_size = 0, vocabulary_size = 0;
  std::int64_t max_tokens = 0;  ///< longest sequence the model takes; of images: each one's
  /// Channels, height, width; empty: takes no images. forward() of DINOv2 takes other sizes too, of
  /// more tokens than max_tokens, which limits and session_bytes do not count.
  std::vector<std::int64_t> image_shape;
  std::int64_t embedding_size = 0;     ///< columns of sentence_embedding; 0: none
  std::int64_t token_vector_size = 0;  ///< columns of token_embeddings; 0: none
  std::string pooling;                 ///< e.g. "mean, normalize"
  /// How a model of token vectors takes texts, e.g. "prompt \"[D] \", at most 180 tokens".
  std::string queries, documents;
  HeadInfo head;
  std::vector<std::string> outputs;
  std::size_t packed_bytes = 0;
  CacheState cache_state{};  ///< the worst, if a head is a model of its own
  std::vector<std::string> cache_files;
  SessionLimits limits;
  std::size_t session_bytes = 0;       ///< of embed()
  std::size_t head_session_bytes = 0;  ///< of logits(); 0: no head
  std::vector<std::string> unexpected_tensors;
  std::vector<std::string> missing_tensors;  ///< optional ones, e.g. an absent pooler
  std::vector<std::string> warnings;
  std::vector<std::string>
      embedding_notes;  ///< on what sentence embeddings are, when it is unusual
};

enum class HiddenStates : std::uint8_t { kLast, kAll };
enum class AttentionOutput : std::uint8_t { kNone, kAll };

struct ForwardOptions {
  HiddenStates hidden_states = HiddenStates::kLast;
  AttentionOutput attentions = AttentionOutput::kNone;
  StopCondition stop;
};

/// Whether a Normalize module at the end of the chain is applied.
enum class FinalNormalize : std::uint8_t { kAsModules, kLeaveOut };

struct EmbedOptions {
  /// One per id; empty: all 0. Not looked at by a model without token types.
  std::span<const std::int32_t> type_ids = {};
  /// Per sequence, leading tokens that pooling leaves out; empty: none.
  std::span<const std::int32_t> skip = {};
  FinalNormalize normalize = FinalNormalize::kAsModules;
  StopCondition stop = {};
  Profile* profile = nullptr;  ///< not owned
};

struct EmbedImagesOptions {
  StopCondition stop = {};
  Profile* profile = nullptr;  ///< not owned
};

struct LogitsOptions {
  std::span<const std::int32_t> type_ids = {};  ///< one per id; empty: all 0
  /// Heads that score tokens: those that are wanted, as rising indices into ids; empty: all.
  std::span<const std::int64_t> tokens;
  StopCondition stop = {};
  Profile* profile = nullptr;  ///< not owned; of the encoder, without a masked LM's head
};

struct TokenVectorOptions {
  std::span<const std::int32_t> type_ids = {};  ///< one per id; empty: all 0
  std::span<const std::int64_t> tokens = {};    ///< wanted, as LogitsOptions::tokens
  /// Per sequence, how many leading tokens are seen by all of its tokens; the others, a query's
  /// expansion, look at those and at nothing else, not even at themselves. Empty: all are seen.
  /// Only of a model whose directory says that its expansion tokens are not attended to.
  std::span<const std::int32_t> key_lengths = {};
  StopCondition stop = {};
  Profile* profile = nullptr;  ///< not owned
};

struct AttendOptions {
  std::optional<std::int64_t> layer;  ///< this one alone; none: all
  StopCondition stop = {};
};

/// Called with the number of a row and its values, which are valid during the call.
using RowVisitor = std::function<void(std::int64_t row, std::span<const float> values)>;

/// Thread-safe: concurrent calls share the thread budget of LoadOptions.limits.threads.
class WEFT_API TransformerModel {
 public:
  /// Reads config.json, the weights and the sentence-transformers modules when there are any.
  /// Throws Error naming file and field.
  static std::shared_ptr<const TransformerModel> load(const std::filesystem::path& directory,
                                                      const LoadOptions& options = {});
  ~TransformerModel();
  TransformerModel(const TransformerModel&) = delete;
  TransformerModel& operator=(const TransformerModel&) = delete;

  /// Named tensors in, named tensors out, `logits` too if there is a head, as `weft run` defines
  /// them: `input_ids` with `offsets` (ragged) or `attention_mask` (padded, on either side),
  /// optional `token_type_ids`; I32 or I64. Models of images take `pixel_values` [B, channels,
  /// height, width], models of vectors `inputs` [tokens, d] or [B, T, d]; F32.
  /// Throws Error naming the tensor; more than the model's maximum is an error, never cut.
  NamedArrays forward(const NamedArrays& inputs, const ForwardOptions& options = {}) const;

  /// Sentence embeddings of ragged ids, in their order: sequence i is ids [offsets[i],
  /// offsets[i + 1]), `out` is (offsets.size() - 1) x embedding_size() floats. Cut into chunks
  /// inside. Throws Error(kFailedPrecondition) when the model takes no ids, kInvalidArgument,
  /// kOutOfRange.
  void embed(std::span<const std::int32_t> ids, std::span<const std::int64_t> offsets,
             std::span<float> out, const EmbedOptions& options = {}) const;

  /// Embeddings of images in their order: `pixel_values` is images x channels x height x width as
  /// ModelInfo::image_shape has it, `out` images x embedding_size() floats, pooled over the leading
  /// tokens (class, distillation) and patches alike. Cut into chunks inside. Only of a model loaded
  /// with LoadOptions::pooling or modules that pool. Throws Error(kFailedPrecondition) otherwise,
  /// and when the model takes no images; kInvalidArgument.
  void embed_images(std::span<const float> pixel_values, std::span<float> out,
                    const EmbedImagesOptions& options = {}) const;

  /// The head's raw scores for ragged ids as embed() takes them. Calls `visit` with each row, in
  /// order: one per sequence (HeadKind::kSequence), else one per token, numbered by index into ids.
  /// Only the rows of wanted tokens are computed. Throws Error(kFailedPrecondition) without a head,
  /// kInvalidArgument, kOutOfRange, and what `visit` throws.
  void logits(std::span<const std::int32_t> ids, std::span<const std::int64_t> offsets,
              const RowVisitor& visit, const LogitsOptions& options = {}) const;

  /// Attention weights of one sequence of ids: `attentions.i` F32 [1, heads, T, T] as forward()
  /// gives them, without anything behind the last layer that is wanted: a head that weft lacks does
  /// not matter. `type_ids`: one per id, not looked at by a model without token types; empty: all
  /// 0. Throws Error(kFailedPrecondition) when the model takes no ids, kOutOfRange,
  /// kInvalidArgument.
  NamedArrays attentions(std::span<const std::int32_t> ids,
                         std::span<const std::int32_t> type_ids = {},
                         const AttendOptions& options = {}) const;

  /// The vectors of tokens of a model of late interaction (ColBERT), as logits() gives scores of
  /// tokens. Throws Error(kFailedPrecondition) for another model, kInvalidArgument, kOutOfRange.
  void token_vectors(std::span<const std::int32_t> ids, std::span<const std::int64_t> offsets,
                     const RowVisitor& visit, const TokenVectorOptions& options = {}) const;

  std::int64_t token_vector_size() const noexcept;  ///< columns of the token vectors; 0: none
  std::int64_t logits_size() const noexcept;        ///< columns of the logits; 0: no head
  std::int64_t embedding_size() const noexcept;
  std::int64_t max_tokens() const noexcept;
  std::int64_t vocabulary_size() const noexcept;
  const Model& model() const noexcept;
  ModelInfo info() const;

 private:
  struct Impl;
  explicit TransformerModel(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace weft
