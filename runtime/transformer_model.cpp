#include "weft/transformer_model.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <set>

#include "runtime/embed_arguments.h"
#include "runtime/models/model_graph.h"
#include "runtime/sentence_graph.h"
#include "runtime/sentence_modules.h"
#include "runtime/session_pool.h"
#include "runtime/token_batch.h"
#include "weft/error.h"

namespace weft {
namespace {

/// Softmax weights that forward() keeps at a time, over all layers, in bytes.
constexpr std::int64_t kAttentionBudget = std::int64_t{256} << 20;

std::string hidden_state_name(std::size_t i) { return fmt::format("hidden_states.{}", i); }
std::string attention_name(std::size_t i) { return fmt::format("attentions.{}", i); }

void name_outputs(ModelGraph& built) {
  built.graph.output("last_hidden_state", built.last_hidden_state);
  if (built.pooler_output) built.graph.output("pooler_output", built.pooler_output);
  for (std::size_t i = 0; i < built.hidden_states.size(); ++i) {
    built.graph.output(hidden_state_name(i), built.hidden_states[i]);
  }
  for (std::size_t i = 0; i < built.attentions.size(); ++i) {
    built.graph.output(attention_name(i), built.attentions[i]);
  }
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

/// architectures[0] if it names more than the bare encoder, else empty.
std::string head_of(const Config& config, const std::vector<std::string>& bare) {
  const std::vector<std::string> names = config.texts_or_empty("architectures");
  if (names.empty() || std::find(bare.begin(), bare.end(), names[0]) != bare.end()) return {};
  return names[0];
}

std::string isa_reason(const CompileOptions& options) {
  if (options.isa) return "asked for";
  const char* forced = std::getenv("WEFT_ISA");
  if (forced != nullptr && *forced != '\0') return "WEFT_ISA";
  std::vector<std::string> names;
  for (Isa isa : available_isas()) names.emplace_back(to_string(isa));
  return fmt::format("the best of [{}], which this processor has", fmt::join(names, ", "));
}

std::string dtype_reason(ComputeType dtype, Isa isa) {
  if (dtype == ComputeType::kF32) return {};
  const char* what = "products of tokens";
  if (dtype == ComputeType::kBf16 && isa < Isa::kAvx512Bf16) {
    what = "the weights of tokens' products alone, as this level has no bf16 arithmetic";
  }
  return fmt::format("{}; f32: embeddings, attention, LayerNorm, pooling and what follows it",
                     what);
}

}  // namespace

struct TransformerModel::Impl {
  ModelInfo info;
  TokenLimits token_limits;
  RowSpace tokens;
  std::int64_t layers = 0;
  std::int64_t heads = 0;
  std::string config_source;
  std::string head;                 // architectures[0] if it names a head
  std::int64_t pooler_columns = 0;  // 0: no pooler
  bool has_modules = false;         // the directory is a sentence-transformers model
  bool ends_with_normalize = false;
  std::shared_ptr<const Model> model;
  SessionLimits limits;
  std::unique_ptr<ThreadBudget> budget;
  std::unique_ptr<SessionPool> sessions, unnormalized_sessions;

  void load(const std::filesystem::path& directory, const LoadOptions& options);
  void describe(const Config& config, const ModelGraph& built, const Weights& weights);
  void forward_part(const TokenBatch& batch, std::int64_t first, std::int64_t last,
                    Session& session, const StopCondition& stop, NamedArrays& out) const;
  NamedArrays new_outputs(const TokenBatch& batch, const ForwardOptions& options) const;
  SessionLimits forward_limits(const TokenBatch& batch, const ForwardOptions& options) const;
};

void TransformerModel::Impl::load(const std::filesystem::path& directory,
                                  const LoadOptions& options) {
  const std::filesystem::path transformer = find_transformer_directory(directory);
  const Config config = Config::load(transformer / "config.json");
  const Architecture& architecture = find_architecture(config);
  const Weights weights = Weights::open(transformer);
  if (options.check_weights) weights.check_finite();
  ModelGraph built = architecture.build(config, weights);
  name_outputs(built);

  SentenceModules sentence = read_sentence_modules(directory, built.hidden_size);
  has_modules = !sentence.modules.empty();
  if (options.pooling || sentence.modules.empty()) {
    SentenceModule pooling;
    pooling.kind = SentenceModule::Kind::kPooling;
    pooling.pooling.modes = {options.pooling.value_or(Pooling::kMean)};
    sentence.modules = {pooling};
    if (!options.pooling && built.input == InputKind::kIds) {
      info.embedding_notes.emplace_back(
          "no modules.json: embeddings are the mean of the token vectors");
    }
  }
  info.embedding_size = append_sentence_modules(built, sentence.modules);
  info.pooling = weft::describe(sentence.modules);
  ends_with_normalize = sentence.modules.back().kind == SentenceModule::Kind::kNormalize;
  info.warnings = sentence.warnings;
  info.source = directory.string();
  describe(config, built, weights);

  limits = options.limits;
  if (limits.threads == 0) limits.threads = default_threads();
  limits.longest = built.max_tokens;
  limits.tokens = std::max(limits.tokens, limits.longest);
  model = Model::compile(std::move(built.graph), options.compile);
  info.isa = model->isa();
  info.isa_reason = isa_reason(options.compile);
  info.compute_dtype = to_string(model->dtype());
  info.compute_dtype_reason = dtype_reason(model->dtype(), model->isa());
  info.kernels = model->kernels();
  info.gemm = model->gemm();
  info.gemm_reason = info.gemm == GemmBackend::kNative
                         ? "the default: same bits whatever surrounds a text"
                         : "asked for; exempt from the promise of same bits";
  info.threads = limits.threads;
  info.threads_reason = options.limits.threads == 0 ? default_threads_reason() : "asked for";
  info.packed_bytes = model->packed_bytes();
  info.limits = limits;
  const std::vector<std::string> wanted{kSentenceOutput};
  info.session_bytes = Session::memory_bytes(*model, limits, wanted);  // checks the limits too
  budget = std::make_unique<ThreadBudget>(limits.threads);
  sessions = std::make_unique<SessionPool>(model, limits, wanted);
  if (ends_with_normalize) {
    unnormalized_sessions =
        std::make_unique<SessionPool>(model, limits, std::vector<std::string>{kUnnormalizedOutput});
  }
}

void TransformerModel::Impl::describe(const Config& config, const ModelGraph& built,
                                      const Weights& weights) {
  tokens = built.tokens;
  layers = built.layers;
  heads = built.heads;
  token_limits = {built.vocabulary_size, built.type_vocabulary_size,
                  built.max_tokens,      built.positions,
                  built.pad_token_id,    built.input,
                  built.hidden_size,     built.image};
  if (built.pooler_output) pooler_columns = built.graph.cols(built.pooler_output);
  config_source = config.source();
  head = head_of(config, built.bare_architectures);

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
  info.outputs = {"last_hidden_state"};
  if (pooler_columns > 0) info.outputs.emplace_back("pooler_output");
  if (has_modules) info.outputs.emplace_back(kSentenceOutput);
  if (!head.empty()) {
    info.warnings.push_back(
        fmt::format("{}: architectures: the head of {} is not supported yet; embeddings are",
                    config_source, head));
  }
  if (!info.unexpected_tensors.empty()) {
    info.warnings.push_back(
        fmt::format("{} tensors of the checkpoint are not used, the first is {}",
                    info.unexpected_tensors.size(), info.unexpected_tensors[0]));
  }
}

std::shared_ptr<const TransformerModel> TransformerModel::load(
    const std::filesystem::path& directory, const LoadOptions& options) {
  auto impl = std::make_unique<Impl>();
  impl->load(directory, options);
  return std::shared_ptr<const TransformerModel>(new TransformerModel(std::move(impl)));
}

TransformerModel::TransformerModel(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TransformerModel::~TransformerModel() = default;

NamedArrays TransformerModel::Impl::new_outputs(const TokenBatch& batch,
                                                const ForwardOptions& options) const {
  NamedArrays out;
  out["last_hidden_state"] = batch.new_token_rows(info.hidden_size);
  if (pooler_columns > 0)
    out["pooler_output"] = Array(DType::kF32, {batch.sequences(), pooler_columns});
  if (has_modules) {
    out[kSentenceOutput] = Array(DType::kF32, {batch.sequences(), info.embedding_size});
  }
  for (std::int64_t i = 0; options.hidden_states == HiddenStates::kAll && i <= layers; ++i) {
    out[hidden_state_name(i)] = batch.new_token_rows(info.hidden_size);
  }
  for (std::int64_t i = 0; options.attentions == AttentionOutput::kAll && i < layers; ++i) {
    out[attention_name(i)] = batch.new_attentions(heads);
  }
  return out;
}

/// A session for this batch alone: no larger than it needs.
SessionLimits TransformerModel::Impl::forward_limits(const TokenBatch& batch,
                                                     const ForwardOptions& options) const {
  SessionLimits needed = limits;
  needed.longest = std::max<std::int64_t>(1, batch.longest());
  if (options.attentions == AttentionOutput::kAll) {
    needed.tokens =
        std::min(needed.tokens, kAttentionBudget / (4 * heads * layers * needed.longest));
  }
  needed.tokens = std::clamp<std::int64_t>(batch.tokens(), needed.longest,
                                           std::max(needed.tokens, needed.longest));
  needed.sequences = std::clamp<std::int64_t>(batch.sequences(), 1, needed.sequences);
  return needed;
}

void TransformerModel::Impl::forward_part(const TokenBatch& batch, std::int64_t first,
                                          std::int64_t last, Session& session,
                                          const StopCondition& stop, NamedArrays& out) const {
  std::vector<std::int32_t> offsets(batch.offsets.begin() + first,
                                    batch.offsets.begin() + last + 1);
  const std::int32_t begin = offsets.front();
  const std::size_t count = static_cast<std::size_t>(offsets.back() - begin);
  for (std::int32_t& offset : offsets) offset -= begin;
  const std::vector<std::int32_t> no_skip(static_cast<std::size_t>(last - first), 0);
  const RaggedRows rows{tokens, offsets};
  const auto part = [&](const std::vector<std::int32_t>& values) {
    return values.empty() ? std::span<const std::int32_t>()
                          : std::span<const std::int32_t>(values).subspan(begin, count);
  };
  const auto columns = static_cast<std::size_t>(batch.feature_columns);
  const Input inputs[]{
      {"input_ids", part(batch.ids)},
      {"token_type_ids", part(batch.type_ids)},
      {"position_ids", part(batch.position_ids)},
      {kFeatureInput,
       std::span<const float>(batch.features).subspan(begin * columns, count * columns)},
      {kPoolSkipInput, std::span<const std::int32_t>(no_skip)}};
  session.run({&rows, 1}, inputs, stop);
  for (auto& [name, array] : out) {
    const Tensor result = session.output(name);
    if (name.starts_with("attentions.")) {
      batch.scatter_attentions(result, heads, first, last, array);
    } else if (name == "pooler_output" || name == kSentenceOutput) {
      for (std::int64_t s = first; s < last; ++s) {
        std::memcpy(array.values<float>().data() + s * result.cols, result.f32(s - first),
                    static_cast<std::size_t>(result.cols) * sizeof(float));
      }
    } else {
      batch.scatter_rows(result, first, last, array);
    }
  }
}

NamedArrays TransformerModel::forward(const NamedArrays& inputs,
                                      const ForwardOptions& options) const {
  const Impl& impl = *impl_;
  if (!impl.head.empty()) {
    throw Error(Reason::kUnsupported,
                fmt::format("{}: architectures: the head of {} is not supported yet",
                            impl.config_source, impl.head));
  }
  const TokenBatch batch = read_batch(inputs, impl.token_limits);
  NamedArrays out = impl.new_outputs(batch, options);
  if (batch.sequences() == 0) return out;
  std::vector<std::string> names;
  for (const auto& [name, array] : out) names.push_back(name);
  Session session(impl.model, impl.forward_limits(batch, options), names);
  const ThreadLease threads(*impl.budget, impl.limits.threads);
  session.set_threads(threads.threads());
  const SessionLimits& limits = session.limits();
  for (std::int64_t first = 0, last = 0; first < batch.sequences(); first = last) {
    while (last < batch.sequences() && last - first < limits.sequences &&
           batch.offsets[last + 1] - batch.offsets[first] <= limits.tokens) {
      ++last;
    }
    impl.forward_part(batch, first, last, session, options.stop, out);
  }
  return out;
}

void TransformerModel::embed(std::span<const std::int32_t> ids,
                             std::span<const std::int64_t> offsets, std::span<float> out,
                             const EmbedOptions& options) const {
  const Impl& impl = *impl_;
  if (impl.token_limits.input != InputKind::kIds) {
    throw Error(Reason::kFailedPrecondition,
                fmt::format("[embed] {}: expected a model of token ids, found {}",
                            impl.config_source, impl.info.architecture));
  }
  check_embed_arguments(ids, offsets, out, options, impl.token_limits, impl.info.embedding_size);
  const bool unnormalized =
      impl.ends_with_normalize && options.normalize == FinalNormalize::kLeaveOut;
  const char* output = unnormalized ? kUnnormalizedOutput : kSentenceOutput;
  const ThreadLease threads(*impl.budget, impl.limits.threads);
  SessionLease session(unnormalized ? *impl.unnormalized_sessions : *impl.sessions,
                       threads.threads());
  session->set_profile(options.profile);

  const auto sequences = static_cast<std::int64_t>(offsets.size()) - 1;
  std::vector<std::int32_t> part_offsets, positions;
  std::vector<std::int32_t> zeros;  // token types or skips that were not given
  for (std::int64_t first = 0, last = 0; first < sequences; first = last) {
    const std::int64_t begin = offsets[first];
    part_offsets.assign(1, 0);
    positions.clear();
    while (last < sequences && last - first < impl.limits.sequences &&
           offsets[last + 1] - begin <= impl.limits.tokens) {
      append_positions(impl.token_limits,
                       ids.subspan(static_cast<std::size_t>(offsets[last]),
                                   static_cast<std::size_t>(offsets[last + 1] - offsets[last])),
                       0, positions);
      part_offsets.push_back(static_cast<std::int32_t>(positions.size()));
      ++last;
    }
    const std::size_t count = positions.size();
    zeros.resize(std::max(zeros.size(), count));
    const auto part = [&](std::span<const std::int32_t> values, std::int64_t at, std::size_t n) {
      return values.empty() ? std::span<const std::int32_t>(zeros).first(n)
                            : values.subspan(static_cast<std::size_t>(at), n);
    };
    const RaggedRows rows{impl.tokens, part_offsets};
    const Input inputs[]{
        {"input_ids", part(ids, begin, count)},
        {"token_type_ids", part(options.type_ids, begin, count)},
        {"position_ids", std::span<const std::int32_t>(positions)},
        {kPoolSkipInput, part(options.skip, first, static_cast<std::size_t>(last - first))}};
    session->run({&rows, 1}, inputs, options.stop);
    const Tensor result = session->output(output);
    for (std::int64_t s = first; s < last; ++s) {
      std::memcpy(out.data() + s * result.cols, result.f32(s - first),
                  static_cast<std::size_t>(result.cols) * sizeof(float));
    }
  }
}

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
