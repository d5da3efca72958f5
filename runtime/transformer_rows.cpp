// Ragged ids in; sentence embeddings, scores or vectors of tokens out, chunk by chunk.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "runtime/embed_arguments.h"
#include "runtime/transformer_model_impl.h"
#include "runtime/visible_keys.h"
#include "weft/error.h"

namespace weft {

void TransformerModel::Impl::require_ids(std::string_view call) const {
  if (token_limits.input == InputKind::kIds) return;
  throw Error(Reason::kFailedPrecondition,
              fmt::format("[{}] {}: expected a model of token ids, found {}", call, config_source,
                          info.architecture));
}

template <typename Use>
void TransformerModel::Impl::run_chunks(SessionPool& pool, std::span<const std::int32_t> ids,
                                        std::span<const std::int64_t> offsets,
                                        const RunOptions& options, const Use& use) const {
  const ThreadLease lease(*budget, limits.threads);
  SessionLease session(pool, lease.threads());
  session->set_profile(options.profile);
  const auto sequences = static_cast<std::int64_t>(offsets.size()) - 1;
  std::vector<std::int32_t> part_offsets, positions, lengths;
  std::vector<std::int32_t> zeros;  // token types or skips that were not given
  for (std::int64_t first = 0, last = 0; first < sequences; first = last) {
    const std::int64_t begin = offsets[first];
    part_offsets.assign(1, 0);
    positions.clear();
    lengths.clear();
    while (last < sequences && last - first < limits.sequences &&
           (last == first || offsets[last + 1] - begin <= chunk_tokens)) {
      append_positions(token_limits,
                       ids.subspan(static_cast<std::size_t>(offsets[last]),
                                   static_cast<std::size_t>(offsets[last + 1] - offsets[last])),
                       0, positions);
      lengths.push_back(static_cast<std::int32_t>(offsets[last + 1] - offsets[last]));
      part_offsets.push_back(static_cast<std::int32_t>(positions.size()));
      ++last;
    }
    const std::size_t count = positions.size();
    zeros.resize(std::max(zeros.size(), count));
    const auto part = [&](std::span<const std::int32_t> values, std::int64_t at, std::size_t n) {
      return values.empty() ? std::span<const std::int32_t>(zeros).first(n)
                            : values.subspan(static_cast<std::size_t>(at), n);
    };
    const auto chunk = static_cast<std::size_t>(last - first);
    const RaggedRows rows{tokens, part_offsets};
    const Input inputs[]{
        {"input_ids", part(ids, begin, count)},
        {"token_type_ids", part(options.type_ids, begin, count)},
        {"position_ids", std::span<const std::int32_t>(positions)},
        {kPoolSkipInput, part(options.skip, first, chunk)},
        {kKeyLengthsInput, options.key_lengths.empty() ? std::span<const std::int32_t>(lengths)
                                                       : part(options.key_lengths, first, chunk)}};
    session->run({&rows, 1}, inputs, options.stop);
    use(*session, first, last, lease.threads());
  }
}

void TransformerModel::embed(std::span<const std::int32_t> ids,
                             std::span<const std::int64_t> offsets, std::span<float> out,
                             const EmbedOptions& options) const {
  const Impl& impl = *impl_;
  impl.require_ids("embed");
  if (impl.sessions == nullptr) {
    throw Error(Reason::kFailedPrecondition,
                fmt::format("[embed] {}: expected a model of sentence embeddings, found one whose "
                            "modules.json gives none",
                            impl.info.source));
  }
  check_embed_arguments(ids, offsets, out, options, impl.token_limits, impl.info.embedding_size);
  const bool unnormalized =
      impl.ends_with_normalize && options.normalize == FinalNormalize::kLeaveOut;
  const char* output = unnormalized ? kUnnormalizedOutput : kSentenceOutput;
  SessionPool& pool = unnormalized ? *impl.unnormalized_sessions : *impl.sessions;
  const RunOptions run_options{.type_ids = options.type_ids,
                               .skip = options.skip,
                               .stop = options.stop,
                               .profile = options.profile};
  impl.run_chunks(pool, ids, offsets, run_options,
                  [&](const Session& session, std::int64_t first, std::int64_t last, int) {
                    const Tensor result = session.output(output);
                    for (std::int64_t s = first; s < last; ++s) {
                      std::memcpy(out.data() + s * result.cols, result.f32(s - first),
                                  static_cast<std::size_t>(result.cols) * sizeof(float));
                    }
                  });
}

void TransformerModel::logits(std::span<const std::int32_t> ids,
                              std::span<const std::int64_t> offsets, const RowVisitor& visit,
                              const LogitsOptions& options) const {
  const Impl& impl = *impl_;
  impl.require_ids("logits");
  if (impl.logits_cols == 0) {
    throw Error(Reason::kFailedPrecondition,
                fmt::format("[logits] {}: expected a model with a head, which architectures names, "
                            "found none",
                            impl.config_source));
  }
  check_logits_arguments(ids, offsets, options, impl.token_limits, impl.info.head.kind);
  const RunOptions run_options{
      .type_ids = options.type_ids, .stop = options.stop, .profile = options.profile};
  const bool per_token = !scores_sequences(impl.info.head.kind);
  std::vector<float> rows;           // of hidden states
  std::vector<std::int64_t> tokens;  // that they belong to
  std::size_t wanted = 0;            // next of options.tokens
  impl.run_chunks(*impl.logits_sessions, ids, offsets, run_options,
                  [&](const Session& session, std::int64_t first, std::int64_t last, int threads) {
                    const Tensor result = session.output(impl.logits_source());
                    const std::int64_t begin = per_token ? offsets[first] : first;
                    const std::int64_t end = per_token ? offsets[last] : last;
                    const auto row = [&](std::int64_t i) {
                      return std::span<const float>(result.f32(i - begin),
                                                    static_cast<std::size_t>(result.cols));
                    };
                    rows.clear();
                    tokens.clear();
                    for (std::int64_t i = begin; i < end; ++i) {
                      if (!options.tokens.empty()) {
                        if (wanted == options.tokens.size() || options.tokens[wanted] != i)
                          continue;
                        ++wanted;
                      }
                      if (!impl.vocabulary_head) {
                        visit(i, row(i));
                        continue;
                      }
                      rows.insert(rows.end(), row(i).begin(), row(i).end());
                      tokens.push_back(i);
                    }
                    if (tokens.empty()) return;
                    impl.vocabulary_head->run(rows, threads, options.stop,
                                              [&](std::int64_t i, std::span<const float> values) {
                                                visit(tokens[static_cast<std::size_t>(i)], values);
                                              });
                  });
}

void TransformerModel::token_vectors(std::span<const std::int32_t> ids,
                                     std::span<const std::int64_t> offsets, const RowVisitor& visit,
                                     const TokenVectorOptions& options) const {
  const Impl& impl = *impl_;
  impl.require_ids("token_vectors");
  if (impl.token_vector_cols == 0) {
    throw Error(
        Reason::kFailedPrecondition,
        fmt::format("[token_vectors] {}: expected a model of token vectors, found one whose "
                    "modules.json gives none",
                    impl.info.source));
  }
  check_token_vector_arguments(ids, offsets, options, impl.token_limits);
  if (!impl.limits_keys && !options.key_lengths.empty()) {
    throw Error(Reason::kFailedPrecondition,
                fmt::format("[token_vectors] key_lengths: {}: expected none, as every token of the "
                            "model sees all others",
                            impl.info.source));
  }
  const RunOptions run_options{.type_ids = options.type_ids,
                               .key_lengths = options.key_lengths,
                               .stop = options.stop,
                               .profile = options.profile};
  std::size_t wanted = 0;  // next of options.tokens
  impl.run_chunks(
      *impl.token_sessions, ids, offsets, run_options,
      [&](const Session& session, std::int64_t first, std::int64_t last, int) {
        const Tensor result = session.output(kTokenOutput);
        for (std::int64_t i = offsets[first]; i < offsets[last]; ++i) {
          if (!options.tokens.empty()) {
            if (wanted == options.tokens.size() || options.tokens[wanted] != i) continue;
            ++wanted;
          }
          visit(i, {result.f32(i - offsets[first]), static_cast<std::size_t>(result.cols)});
        }
      });
}

}  // namespace weft
