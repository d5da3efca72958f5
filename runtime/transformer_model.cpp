#include "weft/transformer_model.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "runtime/cache_report.h"
#include "runtime/colbert_checkpoint.h"
#include "runtime/compute_reasons.h"
#include "runtime/multi_vector_settings.h"
#include "runtime/sentence_modules.h"
#include "runtime/session_limits.h"
#include "runtime/transformer_model_impl.h"
#include "runtime/unused_tensors.h"
#include "runtime/visible_keys.h"
#include "weft/error.h"

namespace weft {
namespace {

void name_outputs(ModelGraph& built) {
  built.graph.output("last_hidden_state", built.last_hidden_state);
  if (built.pooler_output) built.graph.output("pooler_output", built.pooler_output);
  std::int64_t i = 0;
  for (Value state : built.hidden_states) built.graph.output(hidden_state_name(i++), state);
  i = 0;
  for (Value weights : built.attentions) built.graph.output(attention_name(i++), weights);
}

/// The dtypes of the tensors in use, e.g. "BF16, F32".
std::string dtypes_in_use(const Weights& weights, const std::vector<std::string>& unused) {
  std::set<std::string> found;
  for (const std::string& name : weights.names()) {
    if (!std::binary_search(unused.begin(), unused.end(), name)) {
      found.insert(to_string(weights.get(name).dtype()));
    }
  }
  return fmt::format("{}", fmt::join(found, ", "));
}

/// architectures[0] if it names a head that weft lacks, else empty.
std::string unsupported_head_of(const Config& config, const std::vector<std::string>& bare) {
  const std::vector<std::string> names = config.texts_or_empty("architectures");
  const bool is_bare = names.empty() || std::find(bare.begin(), bare.end(), names[0]) != bare.end();
  return is_bare || find_head(config) != nullptr ? "" : names[0];
}

}  // namespace

void TransformerModel::Impl::load(const std::filesystem::path& directory,
                                  const LoadOptions& options) {
  const std::filesystem::path transformer = find_transformer_directory(directory);
  const Config config = Config::load(transformer / "config.json");
  const Architecture& architecture = find_architecture(config);
  const Weights weights = Weights::open(transformer);
  if (options.check_weights) weights.check_finite();
  ModelGraph built = architecture.build(config, weights);
  name_outputs(built);

  SentenceModules sentence = read_sentence_modules(directory, built.hidden_size, &weights);
  has_modules = !sentence.modules.empty();
  const bool embeds = (built.input == InputKind::kIds || has_modules ||
                       (built.input == InputKind::kImages && options.pooling)) &&
                      (options.pooling || sentence.task == TransformerTask::kEmbed);
  if (embeds && (options.pooling || sentence.modules.empty())) {
    SentenceModule pooling;
    pooling.kind = SentenceModule::Kind::kPooling;
    pooling.pooling.modes = {options.pooling.value_or(Pooling::kMean)};
    sentence.modules = {pooling};
    if (!options.pooling) {
      info.embedding_notes.emplace_back(
          "no modules.json: embeddings are the mean of the token vectors");
    }
  }
  if (embeds) {
    info.embedding_size = append_sentence_modules(built, sentence.modules);
    info.pooling = weft::describe(sentence.modules);
    ends_with_normalize = sentence.modules.back().kind == SentenceModule::Kind::kNormalize;
  }
  if (sentence.task == TransformerTask::kTokenVectors) {
    const MultiVectorSettings settings = read_multi_vector_settings(directory, sentence);
    limits_keys = settings.hides_expansion();
    if (limits_keys) limit_keys(built, config.source());
    built.bare_architectures.emplace_back(kColbertArchitecture);  // its projection is a module
    info.queries = describe_queries(settings);
    info.documents = describe_documents(settings);
    token_vector_cols = append_token_modules(built, sentence.token_modules);
    info.pooling = fmt::format("a vector per token: {}", weft::describe(sentence.token_modules));
    info.token_vector_size = token_vector_cols;
  }
  info.warnings = sentence.warnings;
  info.source = directory.string();
  limits = resolved(options.limits);
  chunk_tokens = limits.tokens;
  load_head(config, weights, options, built);
  describe(config, built, weights);

  limits.longest = built.max_tokens;
  limits.tokens = std::max(limits.tokens, limits.longest);
  model = Model::compile(std::move(built.graph), options.compile);
  info.isa = model->isa();
  info.isa_reason = isa_reason(options.compile);
  info.compute_dtype = to_string(model->dtype());
  info.compute_dtype_reason = dtype_reason(*model);
  info.attention_dtype = to_string(model->attention_dtype());
  info.attention_dtype_reason = attention_reason(*model);
  info.kernels = model->kernels();
  info.gemm = model->gemm();
  info.gemm_reason = info.gemm == GemmBackend::kNative
                         ? "the default: same bits whatever surrounds a text"
                         : "asked for; exempt from the promise of same bits";
  info.threads = limits.threads;
  info.threads_reason = options.limits.threads == 0 ? default_threads_reason() : "asked for";
  info.packed_bytes =
      model->packed_bytes() + (vocabulary_head ? vocabulary_head->packed_bytes() : 0);
  add_cache_report(model->cache(), info);
  if (vocabulary_head) add_cache_report(vocabulary_head->cache(), info);
  info.limits = limits;
  const std::vector<std::string> wanted{embeds                  ? kSentenceOutput
                                        : token_vector_cols > 0 ? kTokenOutput
                                                                : "last_hidden_state"};
  info.session_bytes = Session::memory_bytes(*model, limits, wanted);  // checks the limits too
  budget = std::make_unique<ThreadBudget>(limits.threads);
  if (embeds) sessions = std::make_unique<SessionPool>(model, limits, wanted);
  if (ends_with_normalize) {
    unnormalized_sessions =
        std::make_unique<SessionPool>(model, limits, std::vector<std::string>{kUnnormalizedOutput});
  }
  if (token_vector_cols > 0) {
    token_sessions =
        std::make_unique<SessionPool>(model, limits, std::vector<std::string>{kTokenOutput});
  }
  if (logits_cols > 0) {
    const std::vector<std::string> source{logits_source()};
    info.head_session_bytes = Session::memory_bytes(*model, limits, source) +
                              (vocabulary_head ? vocabulary_head->session_bytes() : 0);
    logits_sessions = std::make_unique<SessionPool>(model, limits, source);
  }
}

void TransformerModel::Impl::load_head(const Config& config, const Weights& weights,
                                       const LoadOptions& options, ModelGraph& built) {
  const Head* head = find_head(config);
  unsupported_head = unsupported_head_of(config, built.bare_architectures);
  if (options.head == LoadHead::kNo) return;
  info.head = read_head_info(config);
  if (head == nullptr) return;
  if (options.head == LoadHead::kIfPresent && head->kind == HeadKind::kMaskedLm &&
      !head->tensor.empty() && !weights.has(head->tensor)) {
    info.warnings.push_back(
        fmt::format("{}: architectures: {}, but the checkpoint has no {}: no logits",
                    config.source(), info.head.architecture, head->tensor));
    info.head = HeadInfo{.architecture = info.head.architecture, .labels = {}};
    return;
  }
  if (head->kind == HeadKind::kMaskedLm) {
    logits_cols = built.vocabulary_size;
    vocabulary_head.emplace(*head, config, weights, built.hidden_size, logits_cols, options.compile,
                            limits.threads);
    return;
  }
  logits_cols = static_cast<std::int64_t>(info.head.labels.size());
  HeadInput input{built.graph, built.last_hidden_state, built.pooler_output, config, weights,
                  logits_cols};
  if (built.input == InputKind::kImages) {
    const RowSpace images = built.graph.sequence_rows(built.tokens);
    input.leading_rows = built.graph.input_ids(kLeadingRowsInput, images);
  }
  built.graph.output(kLogitsOutput, head->build(input));
}

void TransformerModel::Impl::describe(const Config& config, const ModelGraph& built,
                                      const Weights& weights) {
  tokens = built.tokens;
  layers = built.layers;
  heads = built.heads;
  if (const Weight& positions = built.image_positions) {
    image_positions.resize(static_cast<std::size_t>(positions.size()));
    positions.read_f32(0, positions.rows(), image_positions.data());
  }
  token_limits = {built.vocabulary_size, built.type_vocabulary_size,
                  built.max_tokens,      built.positions,
                  built.pad_token_id,    built.input,
                  built.hidden_size,     built.image,
                  image_positions};
  if (built.pooler_output) pooler_columns = built.graph.cols(built.pooler_output);
  config_source = config.source();

  info.architecture = config.text("model_type");
  info.weight_files = weights.files();
  info.unexpected_tensors = weights.unused();
  info.file_dtype = dtypes_in_use(weights, info.unexpected_tensors);
  std::erase_if(info.unexpected_tensors, [](const std::string& name) {
    return name.ends_with(
        "embeddings.position_ids");  // a buffer of older checkpoints: 0, 1, 2, ...
  });
  info.missing_tensors = built.missing;
  info.parameters = weights.parameters();
  info.layers = built.layers;
  info.hidden_size = built.hidden_size;
  info.heads = built.heads;
  info.intermediate_size = built.intermediate_size;
  info.vocabulary_size = built.vocabulary_size;
  info.max_tokens = built.max_tokens;
  if (built.input == InputKind::kImages) {
    info.image_shape = {built.image.channels, built.image.height, built.image.width};
  }
  info.outputs = {"last_hidden_state"};
  if (pooler_columns > 0) info.outputs.emplace_back("pooler_output");
  if (has_modules) info.outputs.emplace_back(kSentenceOutput);
  if (token_vector_cols > 0) info.outputs.emplace_back(kTokenOutput);
  if (logits_cols > 0) info.outputs.emplace_back(kLogitsOutput);
  if (!unsupported_head.empty()) {
    info.warnings.push_back(
        fmt::format("{}: architectures: the head of {} is not supported yet; embeddings are",
                    config_source, unsupported_head));
  }
  warn_of_unused_tensors(info);
}

HeadInfo read_head(const std::filesystem::path& directory) {
  return read_head_info(Config::load(find_transformer_directory(directory) / "config.json"));
}

std::shared_ptr<const TransformerModel> TransformerModel::load(
    const std::filesystem::path& directory, const LoadOptions& options) {
  auto impl = std::make_unique<Impl>();
  impl->load(directory, options);
  return std::shared_ptr<const TransformerModel>(new TransformerModel(std::move(impl)));
}

TransformerModel::TransformerModel(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TransformerModel::~TransformerModel() = default;

std::int64_t TransformerModel::token_vector_size() const noexcept {
  return impl_->token_vector_cols;
}
std::int64_t TransformerModel::logits_size() const noexcept { return impl_->logits_cols; }
std::int64_t TransformerModel::embedding_size() const noexcept {
  return impl_->info.embedding_size;
}
std::int64_t TransformerModel::max_tokens() const noexcept { return impl_->info.max_tokens; }
std::int64_t TransformerModel::vocabulary_size() const noexcept {
  return impl_->info.vocabulary_size;
}
const Model& TransformerModel::model() const noexcept { return *impl_->model; }
ModelInfo TransformerModel::info() const { return impl_->info; }

}  // namespace weft
