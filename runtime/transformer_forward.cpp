// Named arrays in, named arrays out: what `weft run` does.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "runtime/transformer_model_impl.h"
#include "runtime/visible_keys.h"
#include "weft/error.h"

namespace weft {
namespace {

/// Softmax weights that forward() keeps at a time, over all layers, in bytes.
constexpr std::int64_t kAttentionBudget = std::int64_t{256} << 20;

}  // namespace

NamedArrays TransformerModel::Impl::new_outputs(const TokenBatch& batch,
                                                const ForwardOptions& options) const {
  NamedArrays out;
  out["last_hidden_state"] = batch.new_token_rows(info.hidden_size);
  if (pooler_columns > 0) {
    out["pooler_output"] = Array(DType::kF32, {batch.sequences(), pooler_columns});
  }
  if (has_modules) {
    out[kSentenceOutput] = Array(DType::kF32, {batch.sequences(), info.embedding_size});
  }
  if (token_vector_cols > 0) out[kTokenOutput] = batch.new_token_rows(token_vector_cols);
  switch (info.head.kind) {
    case HeadKind::kNone: break;
    case HeadKind::kSequence:
    case HeadKind::kImage:
      out[kLogitsOutput] = Array(DType::kF32, {batch.sequences(), logits_cols});
      break;
    case HeadKind::kToken:
    case HeadKind::kMaskedLm: out[kLogitsOutput] = batch.new_token_rows(logits_cols); break;
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
  needed.tokens = chunk_tokens;
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
                                          std::int64_t last, Session& session, int threads,
                                          const ForwardOptions& options, NamedArrays& out) const {
  std::vector<std::int32_t> offsets(batch.offsets.begin() + first,
                                    batch.offsets.begin() + last + 1);
  const std::int32_t begin = offsets.front();
  const std::size_t count = static_cast<std::size_t>(offsets.back() - begin);
  for (std::int32_t& offset : offsets) offset -= begin;
  std::vector<std::int32_t> lengths;  // every token sees all of its sequence
  for (std::int64_t s = first; s < last; ++s) {
    lengths.push_back(static_cast<std::int32_t>(batch.length(s)));
  }
  const std::vector<std::int32_t> no_skip(static_cast<std::size_t>(last - first), 0);
  const std::vector<std::int32_t> leading_rows(
      static_cast<std::size_t>(last - first),
      static_cast<std::int32_t>(token_limits.image.leading_tokens));
  const RaggedRows rows{tokens, offsets};
  const auto part = [&](const std::vector<std::int32_t>& values) {
    return values.empty() ? std::span<const std::int32_t>()
                          : std::span<const std::int32_t>(values).subspan(begin, count);
  };
  const auto columns = static_cast<std::size_t>(batch.feature_columns);
  std::vector<float> position_rows;
  for (std::int64_t s = first; s < last; ++s) {
    position_rows.insert(position_rows.end(), batch.position_rows.begin(),
                         batch.position_rows.end());
  }
  const Input inputs[]{
      {"input_ids", part(batch.ids)},
      {"token_type_ids", part(batch.type_ids)},
      {"position_ids", part(batch.position_ids)},
      {kFeatureInput,
       std::span<const float>(batch.features).subspan(begin * columns, count * columns)},
      {kPositionRowsInput, std::span<const float>(position_rows)},
      {kPoolSkipInput, std::span<const std::int32_t>(no_skip)},
      {kLeadingRowsInput, std::span<const std::int32_t>(leading_rows)},
      {kKeyLengthsInput, std::span<const std::int32_t>(lengths)}};
  session.run({&rows, 1}, inputs, options.stop);
  for (auto& [name, array] : out) {
    if (name == kLogitsOutput && vocabulary_head) {
      const Tensor hidden = session.output("last_hidden_state");
      forward_vocabulary(batch, first, hidden, threads, options.stop, array);
      continue;
    }
    const Tensor result = session.output(name);
    if (name.starts_with("attentions.")) {
      batch.scatter_attentions(result, heads, first, last, array);
    } else if (name == "pooler_output" || name == kSentenceOutput ||
               (name == kLogitsOutput && scores_sequences(info.head.kind))) {
      for (std::int64_t s = first; s < last; ++s) {
        std::memcpy(array.values<float>().data() + s * result.cols, result.f32(s - first),
                    static_cast<std::size_t>(result.cols) * sizeof(float));
      }
    } else {
      batch.scatter_rows(result, first, last, array);
    }
  }
}

void TransformerModel::Impl::forward_vocabulary(const TokenBatch& batch, std::int64_t first,
                                                const Tensor& hidden, int threads,
                                                const StopCondition& stop, Array& out) const {
  std::vector<float> rows(static_cast<std::size_t>(hidden.rows * hidden.cols));
  for (std::int64_t i = 0; i < hidden.rows; ++i) {
    std::copy_n(hidden.f32(i), hidden.cols, rows.data() + i * hidden.cols);
  }
  std::int64_t sequence = first;
  vocabulary_head->run(rows, threads, stop, [&](std::int64_t i, std::span<const float> values) {
    while (batch.offsets[first] + i >= batch.offsets[sequence + 1]) ++sequence;
    const std::int64_t t = batch.offsets[first] + i - batch.offsets[sequence];
    std::copy(values.begin(), values.end(),
              out.values<float>().begin() + batch.row(sequence, t) * logits_cols);
  });
}

void TransformerModel::Impl::forward_all(const TokenBatch& batch, const ForwardOptions& options,
                                         NamedArrays& out) const {
  std::vector<std::string> names;
  for (const auto& [name, array] : out) {
    if (name != kLogitsOutput || !vocabulary_head) names.push_back(name);
  }
  Session session(model, forward_limits(batch, options), names);
  const ThreadLease lease(*budget, limits.threads);
  session.set_threads(lease.threads());
  const SessionLimits& planned = session.limits();
  for (std::int64_t first = 0, last = 0; first < batch.sequences(); first = last) {
    while (last < batch.sequences() && last - first < planned.sequences &&
           batch.offsets[last + 1] - batch.offsets[first] <= planned.tokens) {
      ++last;
    }
    forward_part(batch, first, last, session, lease.threads(), options, out);
  }
}

NamedArrays TransformerModel::forward(const NamedArrays& inputs,
                                      const ForwardOptions& options) const {
  const Impl& impl = *impl_;
  if (!impl.unsupported_head.empty()) {
    throw Error(Reason::kUnsupported,
                fmt::format("{}: architectures: the head of {} is not supported yet",
                            impl.config_source, impl.unsupported_head));
  }
  const TokenBatch batch = read_batch(inputs, impl.token_limits);
  NamedArrays out = impl.new_outputs(batch, options);
  if (batch.sequences() > 0) impl.forward_all(batch, options, out);
  return out;
}

NamedArrays TransformerModel::attentions(std::span<const std::int32_t> ids,
                                         std::span<const std::int32_t> type_ids,
                                         const AttendOptions& options) const {
  const Impl& impl = *impl_;
  impl.require_ids("attentions");
  if (options.layer && (*options.layer < 0 || *options.layer >= impl.layers)) {
    throw Error(Reason::kOutOfRange, fmt::format("[attentions] layer: expected 0 to {}, found {}",
                                                 impl.layers - 1, *options.layer));
  }
  const auto row = [](std::span<const std::int32_t> values) {
    Array array(DType::kI32, {static_cast<std::int64_t>(values.size())});
    std::copy(values.begin(), values.end(), array.values<std::int32_t>().begin());
    return array;
  };
  NamedArrays inputs;
  inputs["input_ids"] = row(ids);
  inputs["offsets"] = row(std::vector<std::int32_t>{0, static_cast<std::int32_t>(ids.size())});
  if (!type_ids.empty() && impl.token_limits.type_vocabulary_size > 0) {
    inputs["token_type_ids"] = row(type_ids);
  }
  const TokenBatch batch = read_batch(inputs, impl.token_limits);
  NamedArrays out;
  for (std::int64_t i = 0; i < impl.layers; ++i) {
    if (options.layer.value_or(i) == i) out[attention_name(i)] = batch.new_attentions(impl.heads);
  }
  impl.forward_all(batch, {.attentions = AttentionOutput::kAll, .stop = options.stop}, out);
  return out;
}

}  // namespace weft
