#include "weft/encoder_decoder.h"

#include <algorithm>

#include "runtime/cache_report.h"
#include "runtime/generation/encoder_decoder_impl.h"
#include "runtime/sentence_modules.h"
#include "runtime/session_limits.h"
#include "runtime/unused_tensors.h"
#include "weft/error.h"

namespace weft {
namespace {

void name_outputs(Seq2SeqGraph& built) {
  Graph& graph = built.encoder.graph;
  const auto number = [&](const char* name, const std::vector<Value>& values) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      graph.output(fmt::format("{}.{}", name, i), values[i]);
    }
  };
  graph.output("encoder_last_hidden_state", built.encoder.last_hidden_state);
  number("encoder_hidden_states", built.encoder.hidden_states);
  number("encoder_attentions", built.encoder.attentions);
  graph.output("last_hidden_state", built.targets.last_hidden_state);
  number("decoder_hidden_states", built.targets.hidden_states);
  number("decoder_attentions", built.targets.self_attentions);
  number("cross_attentions", built.targets.cross_attentions);
  graph.output(kSourceKeysValues, built.source_keys_values);
  if (!built.step_logits) return;
  graph.output(kStepLogits, built.step_logits);
  graph.output(kHeadLogits, built.head_logits);
}

TokenLimits limits_of(const ModelGraph& encoder) {
  return {encoder.vocabulary_size, encoder.type_vocabulary_size,
          encoder.max_tokens,      encoder.positions,
          encoder.pad_token_id,    encoder.input,
          encoder.hidden_size,     encoder.image};
}

}  // namespace

bool is_encoder_decoder(const std::filesystem::path& directory) {
  const Config config = Config::load(find_transformer_directory(directory) / "config.json");
  return is_bahdanau(config) || is_seq2seq(config);
}

void EncoderDecoder::Impl::load(const std::filesystem::path& directory,
                                const LoadOptions& options) {
  const Config config = Config::load(find_transformer_directory(directory) / "config.json");
  if (is_bahdanau(config)) return load_recurrent(directory, config, options);
  const Seq2SeqArchitecture& architecture = find_seq2seq_architecture(config);
  const Weights weights = Weights::open(directory);
  if (options.check_weights) weights.check_finite();
  Seq2SeqGraph built = architecture.build(config, weights, language_head_of(config, architecture));
  name_outputs(built);
  info.source = directory.string();
  limits = resolved(options.limits);
  describe(config, built, weights);
  model = Model::compile(std::move(built.encoder.graph), options.compile);
  info.isa = model->isa();
  info.gemm = model->gemm();
  info.compute_dtype = to_string(model->dtype());
  info.attention_dtype = to_string(model->attention_dtype());
  info.kernels = model->kernels();
  info.packed_bytes = model->packed_bytes();
  add_cache_report(model->cache(), info);
  info.threads = limits.threads;
  budget = std::make_unique<ThreadBudget>(limits.threads);
}

void EncoderDecoder::Impl::describe(const Config& config, const Seq2SeqGraph& built,
                                    const Weights& weights) {
  const ModelGraph& encoder = built.encoder;
  sources = encoder.tokens;
  targets = built.targets.rows();
  head_rows = built.head_rows;
  step = built.step;
  has_head = static_cast<bool>(built.step_logits);
  source_columns = encoder.graph.cols(built.source_keys_values);
  config_source = config.source();
  source_limits = limits_of(encoder);
  target_limits = source_limits;
  target_limits.vocabulary_size = built.target_vocabulary;
  target_limits.max_tokens = built.max_target_tokens;
  target_limits.positions = PositionRule::kColumn;

  info.architecture = config.text("model_type");
  info.weight_files = weights.files();
  info.unexpected_tensors = weights.unused();
  info.parameters = weights.parameters();
  info.encoder_layers = encoder.layers;
  info.decoder_layers = built.decoder_layers;
  info.hidden_size = encoder.hidden_size;
  info.encoder_heads = encoder.heads;
  info.decoder_heads = built.decoder_heads;
  info.source_vocabulary = encoder.vocabulary_size;
  info.target_vocabulary = built.target_vocabulary;
  info.max_source_tokens = encoder.max_tokens;
  info.max_target_tokens = built.max_target_tokens;
  info.outputs = {"last_hidden_state", "encoder_last_hidden_state"};
  if (has_head) info.outputs.emplace_back("logits");
  warn_of_unused_tensors(info);
}

std::shared_ptr<const EncoderDecoder> EncoderDecoder::load(const std::filesystem::path& directory,
                                                           const LoadOptions& options) {
  auto impl = std::make_unique<Impl>();
  impl->load(directory, options);
  return std::shared_ptr<const EncoderDecoder>(new EncoderDecoder(std::move(impl)));
}

EncoderDecoder::EncoderDecoder(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
EncoderDecoder::~EncoderDecoder() = default;

EncoderDecoderInfo EncoderDecoder::info() const { return impl_->info; }

}  // namespace weft
