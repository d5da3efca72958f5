// An EncoderDecoder whose layers are recurrent.
#include "runtime/cache_report.h"
#include "runtime/generation/encoder_decoder_impl.h"
#include "runtime/session_limits.h"
#include "runtime/unused_tensors.h"

namespace weft {

void EncoderDecoder::Impl::load_recurrent(const std::filesystem::path& directory,
                                          const Config& config, const LoadOptions& options) {
  const Weights weights = Weights::open(directory);
  if (options.check_weights) weights.check_finite();
  limits = resolved(options.limits);
  auto loaded = std::make_unique<RecurrentModel>(config, weights, options);
  const BahdanauSizes& sizes = loaded->sizes();
  source_limits = loaded->source_limits();
  target_limits = loaded->target_limits();
  config_source = config.source();
  has_head = true;
  source_columns = sizes.layers * sizes.hidden;

  info.architecture = config.text("model_type");
  info.source = directory.string();
  info.weight_files = weights.files();
  info.isa = loaded->step().isa();
  info.gemm = loaded->step().gemm();
  info.compute_dtype = to_string(loaded->step().dtype());
  info.attention_dtype = to_string(ComputeType::kF32);  // additive
  info.kernels = loaded->step().kernels();
  info.threads = limits.threads;
  info.parameters = weights.parameters();
  info.encoder_layers = info.decoder_layers = sizes.layers;
  info.hidden_size = sizes.hidden;
  info.decoder_heads = 1;
  info.source_vocabulary = sizes.vocabulary;
  info.target_vocabulary = sizes.decoder_vocabulary;
  info.max_source_tokens = info.max_target_tokens = sizes.max_length;
  info.outputs = {"last_hidden_state", "encoder_last_hidden_state", "logits"};
  add_cache_report(loaded->encoder().cache(), info);
  add_cache_report(loaded->step().cache(), info);
  info.packed_bytes = loaded->encoder().packed_bytes() + loaded->step().packed_bytes();
  info.unexpected_tensors = weights.unused();
  warn_of_unused_tensors(info);
  recurrent = std::move(loaded);
}

}  // namespace weft
