// An encoder-decoder directory (Marian, BART, ...) as a model that runs: config.json and weights,
// no tokenizer.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "weft/safetensors.h"
#include "weft/transformer_model.h"

namespace weft {

/// Whether config.json in the directory means an encoder-decoder: architectures[0] names one, or
/// nothing there says otherwise and the model_type or is_encoder_decoder does. An encoder alone
/// (T5EncoderModel) is none. Throws Error naming file and field.
WEFT_API bool is_encoder_decoder(const std::filesystem::path& directory);

/// What there is to know of a loaded encoder-decoder.
struct EncoderDecoderInfo {
  std::string architecture;  ///< config.json's model_type
  std::string source;        ///< the directory
  std::vector<std::string> weight_files;
  std::string compute_dtype;    ///< of the products, e.g. "f32"
  std::string attention_dtype;  ///< likewise, but over the cache of a generation always f32
  Isa isa{};
  GemmBackend gemm{};
  std::vector<std::string> kernels;
  int threads = 0;
  std::int64_t parameters = 0;
  std::int64_t encoder_layers = 0, decoder_layers = 0, hidden_size = 0;
  /// encoder_heads 0: a recurrent model, whose one attention is cross attention in one layer.
  std::int64_t encoder_heads = 0, decoder_heads = 0;
  std::int64_t source_vocabulary = 0, target_vocabulary = 0;  ///< 0: takes vectors
  std::int64_t max_source_tokens = 0, max_target_tokens = 0;
  std::vector<std::string> outputs;  ///< of forward(), without options
  std::size_t packed_bytes = 0;
  CacheState cache_state{};  ///< the worst of the graphs'
  std::vector<std::string> cache_files;
  std::vector<std::string> unexpected_tensors;
  std::vector<std::string> warnings;
};

/// Thread-safe: concurrent calls share the thread budget of LoadOptions.limits.threads.
class WEFT_API EncoderDecoder {
 public:
  /// Reads config.json and the weights; LoadOptions.pooling and .head are not looked at. Throws
  /// Error naming file and field.
  static std::shared_ptr<const EncoderDecoder> load(const std::filesystem::path& directory,
                                                    const LoadOptions& options = {});
  ~EncoderDecoder();
  EncoderDecoder(const EncoderDecoder&) = delete;
  EncoderDecoder& operator=(const EncoderDecoder&) = delete;

  /// Named tensors in, named tensors out, as `weft run` defines them: those of an encoder, and
  /// `decoder_input_ids` [B,U] with optional `decoder_attention_mask` [B,U], or `decoder_inputs`
  /// F32 [B,U,d] for models of vectors. Gives `last_hidden_state` (of the decoder),
  /// `encoder_last_hidden_state`, and `logits` [B,U,vocabulary] if architectures[0] names a class
  /// with that head; with options `encoder_hidden_states.i`, `decoder_hidden_states.i`,
  /// `encoder_attentions.i`, `decoder_attentions.i`, `cross_attentions.i`. Throws Error naming the
  /// tensor.
  NamedArrays forward(const NamedArrays& inputs, const ForwardOptions& options = {}) const;

  EncoderDecoderInfo info() const;

  struct Impl;
  const Impl& impl() const noexcept { return *impl_; }

 private:
  explicit EncoderDecoder(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace weft
