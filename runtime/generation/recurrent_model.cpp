#include "runtime/generation/recurrent_model.h"

#include <algorithm>
#include <cstring>

#include "runtime/generation/target_batch.h"
#include "runtime/session_limits.h"
#include "weft/error.h"

namespace weft {
namespace {

void copy_rows(const Tensor& from, std::vector<float>& to) {
  to.resize(static_cast<std::size_t>(from.rows * from.cols));
  for (std::int64_t i = 0; i < from.rows; ++i) {
    std::copy_n(from.f32(i), from.cols, to.data() + i * from.cols);
  }
}

TokenLimits token_limits(std::int64_t vocabulary, std::int64_t longest) {
  TokenLimits limits;
  limits.vocabulary_size = vocabulary;
  limits.max_tokens = longest;
  limits.positions = PositionRule::kInSequence;
  return limits;
}

// What the steps of given targets give, in the places of the batch.
class TeacherForcing {
 public:
  TeacherForcing(const TokenBatch& sources, const TokenBatch& targets, RecurrentDecoder& decoder)
      : sources_(sources), targets_(targets), decoder_(decoder) {}

  /// Feeds token t of every target that has one; outputs that are absent are left out.
  void run(const StopCondition& stop, NamedArrays& out) {
    std::vector<std::int32_t> row_of(static_cast<std::size_t>(targets_.sequences()), -1);
    for (std::int64_t t = 0; t < targets_.longest(); ++t) {
      std::vector<HypothesisStep> rows;
      for (std::int64_t s = 0; s < targets_.sequences(); ++s) {
        if (t >= targets_.length(s)) continue;
        rows.push_back({static_cast<std::int32_t>(s), row_of[static_cast<std::size_t>(s)],
                        targets_.ids[static_cast<std::size_t>(targets_.offsets[s] + t)]});
      }
      const Tensor logits = decoder_.step(rows, stop);
      for (std::size_t i = 0; i < rows.size(); ++i) {
        row_of[static_cast<std::size_t>(rows[i].source)] = static_cast<std::int32_t>(i);
      }
      scatter(logits, rows, t, out.at("logits"));
      scatter(decoder_.top_states(), rows, t, out.at("last_hidden_state"));
      const auto attentions = out.find("cross_attentions.0");
      if (attentions != out.end()) scatter_attention(rows, t, attentions->second);
    }
  }

 private:
  void scatter(const Tensor& from, const std::vector<HypothesisStep>& rows, std::int64_t t,
               Array& to) const {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      std::copy_n(from.f32(static_cast<std::int64_t>(i)), from.cols,
                  to.values<float>().data() + targets_.row(rows[i].source, t) * from.cols);
    }
  }

  void scatter_attention(const std::vector<HypothesisStep>& rows, std::int64_t t, Array& to) const {
    const Tensor from = decoder_.attention();
    const std::int64_t columns = to.shape[3];
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const std::int64_t source = rows[i].source;
      const std::int64_t column = sources_.padded_columns < 0 ? 0 : sources_.first_column[source];
      std::copy_n(from.f32(static_cast<std::int64_t>(i)), sources_.length(source),
                  to.values<float>().data() + targets_.row(source, t) * columns + column);
    }
  }

  const TokenBatch& sources_;
  const TokenBatch& targets_;
  RecurrentDecoder& decoder_;
};

}  // namespace

RecurrentModel::RecurrentModel(const Config& config, const Weights& weights,
                               const LoadOptions& options) {
  BahdanauGraphs graphs = build_bahdanau(config, weights);
  sizes_ = graphs.sizes;
  tokens_ = graphs.tokens;
  rows_ = graphs.rows;
  sources_ = graphs.sources;
  source_limits_ = token_limits(sizes_.vocabulary, sizes_.max_length);
  target_limits_ = token_limits(sizes_.decoder_vocabulary, sizes_.max_length);
  encode_ = Model::compile(std::move(graphs.encode), options.compile);
  step_ = Model::compile(std::move(graphs.step), options.compile);
  threads_ = resolved(options.limits).threads;
  budget_ = std::make_shared<ThreadBudget>(threads_);
}

RecurrentDecoder::Settings RecurrentModel::step_settings(std::int64_t rows) const {
  RecurrentDecoder::Settings settings;
  settings.sizes = sizes_;
  settings.rows = rows_;
  settings.sources = sources_;
  settings.most_rows = std::max<std::int64_t>(1, rows);
  settings.threads = threads_;
  settings.budget = budget_;
  return settings;
}

EncodedSources RecurrentModel::encode(const TokenBatch& batch, const StopCondition& stop) const {
  EncodedSources encoded;
  encoded.offsets = batch.offsets;
  encoded.last.resize(static_cast<std::size_t>(sizes_.layers));
  if (batch.sequences() == 0) return encoded;
  std::vector<std::string> outputs{"states", "keys"};
  for (std::int64_t i = 0; i < sizes_.layers; ++i) outputs.push_back(state_name(i));
  Session session(encode_,
                  {.tokens = batch.tokens(),
                   .sequences = batch.sequences(),
                   .longest = batch.longest(),
                   .threads = threads_},
                  outputs);
  const ThreadLease threads(*budget_, threads_);
  session.set_threads(threads.threads());
  const RaggedRows rows{tokens_, batch.offsets};
  const Input input{"input_ids", std::span<const std::int32_t>(batch.ids)};
  session.run({&rows, 1}, {&input, 1}, stop);
  copy_rows(session.output("states"), encoded.states);
  copy_rows(session.output("keys"), encoded.keys);
  for (std::size_t i = 0; i < encoded.last.size(); ++i) {
    copy_rows(session.output(state_name(static_cast<std::int64_t>(i))), encoded.last[i]);
  }
  return encoded;
}

std::unique_ptr<RecurrentDecoder> RecurrentModel::new_decoder(const TokenBatch& sources,
                                                              std::int64_t rows,
                                                              const StopCondition& stop) const {
  return std::make_unique<RecurrentDecoder>(step_, encode(sources, stop), step_settings(rows));
}

NamedArrays RecurrentModel::forward(const NamedArrays& inputs,
                                    const ForwardOptions& options) const {
  if (options.hidden_states == HiddenStates::kAll) {
    throw Error(Reason::kUnsupported,
                "[run] all hidden states: not supported for model_type bahdanau, whose states are "
                "last_hidden_state and encoder_last_hidden_state");
  }
  const TokenBatch sources = read_batch(source_arrays(inputs), source_limits_);
  const TokenBatch targets = read_targets(inputs, target_limits_, sources.sequences());
  const bool attentions = options.attentions == AttentionOutput::kAll;
  NamedArrays out;
  out["encoder_last_hidden_state"] = sources.new_token_rows(sizes_.hidden);
  out["last_hidden_state"] = targets.new_token_rows(sizes_.hidden);
  out["logits"] = targets.new_token_rows(sizes_.decoder_vocabulary);
  if (attentions) {
    const std::int64_t columns =
        sources.padded_columns < 0 ? sources.longest() : sources.padded_columns;
    out["cross_attentions.0"] =
        Array(DType::kF32, {sources.sequences(), 1, targets.padded_columns, columns});
  }
  if (sources.sequences() == 0) return out;
  EncodedSources encoded = encode(sources, options.stop);
  const Tensor states{encoded.states.data(), sources.tokens(), sizes_.hidden, sizes_.hidden,
                      DType::kF32};
  sources.scatter_rows(states, 0, sources.sequences(), out["encoder_last_hidden_state"]);
  RecurrentDecoder::Settings settings = step_settings(sources.sequences());
  settings.weights = attentions;
  RecurrentDecoder decoder(step_, std::move(encoded), settings);
  TeacherForcing(sources, targets, decoder).run(options.stop, out);
  return out;
}

}  // namespace weft
