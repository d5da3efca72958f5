#include "runtime/generation/recurrent_decoder.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "weft/error.h"

namespace weft {
namespace {

[[noreturn]] void refuse(Reason reason, std::size_t row, const std::string& problem) {
  throw Error(reason, fmt::format("[step] row {}: {}", row, problem));
}

SessionLimits session_limits(const EncodedSources& encoded,
                             const RecurrentDecoder::Settings& settings) {
  std::int64_t longest = 1;
  for (std::int64_t s = 0; s < encoded.sources(); ++s) {
    longest = std::max<std::int64_t>(longest, encoded.offsets[s + 1] - encoded.offsets[s]);
  }
  const std::int64_t sources = std::max<std::int64_t>(1, encoded.sources());
  const std::int64_t tokens = std::max<std::int64_t>(1, encoded.offsets.back());
  return {.tokens = std::max(tokens, settings.most_rows),
          .sequences = sources,
          .longest = std::max(longest, settings.most_rows),
          .threads = settings.threads,
          .spaces = {{settings.rows, settings.most_rows, sources, settings.most_rows},
                     {settings.sources, tokens, sources, longest}}};
}

std::vector<std::string> session_outputs(const RecurrentDecoder::Settings& settings) {
  std::vector<std::string> names{"logits"};
  for (std::int64_t i = 0; i < settings.sizes.layers; ++i) names.push_back(state_name(i));
  if (settings.weights) names.emplace_back("weights");
  return names;
}

}  // namespace

RecurrentDecoder::RecurrentDecoder(std::shared_ptr<const Model> step, EncodedSources encoded,
                                   const Settings& settings)
    : encoded_(std::move(encoded)),
      settings_(settings),
      session_(std::move(step), session_limits(encoded_, settings), session_outputs(settings)),
      states_(static_cast<std::size_t>(settings.sizes.layers)) {
  for (std::int64_t i = 0; i < settings.sizes.layers; ++i) state_names_.push_back(state_name(i));
}

void RecurrentDecoder::check(std::span<const HypothesisStep> rows) const {
  const auto count = static_cast<std::int64_t>(rows.size());
  if (count > settings_.most_rows) {
    throw Error(Reason::kResourceExhausted, fmt::format("[step] expected at most {} rows, found {}",
                                                        settings_.most_rows, count));
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const HypothesisStep& row = rows[i];
    if (row.source < 0 || row.source >= sources()) {
      refuse(Reason::kOutOfRange, i,
             fmt::format("expected sources from 0 to {}, found {}", sources() - 1, row.source));
    }
    if (i > 0 && row.source < rows[i - 1].source) {
      refuse(Reason::kInvalidArgument, i,
             fmt::format("expected sources to rise, found {} after {}", row.source,
                         rows[i - 1].source));
    }
    if (row.token < 0 || row.token >= vocabulary_size()) {
      refuse(
          Reason::kOutOfRange, i,
          fmt::format("expected tokens from 0 to {}, found {}", vocabulary_size() - 1, row.token));
    }
    if (row.parent == -1) continue;
    if (row.parent < 0 || row.parent >= static_cast<std::int64_t>(row_sources_.size())) {
      refuse(Reason::kOutOfRange, i,
             fmt::format("expected a parent among {} rows of the step before, found {}",
                         row_sources_.size(), row.parent));
    }
    if (row_sources_[static_cast<std::size_t>(row.parent)] != row.source) {
      refuse(Reason::kInvalidArgument, i,
             fmt::format("expected a parent of source {}, found one of {}", row.source,
                         row_sources_[static_cast<std::size_t>(row.parent)]));
    }
  }
}

// Each row's state: its parent's, or that which the encoder ended with.
void RecurrentDecoder::gather_states(std::span<const HypothesisStep> rows) {
  const std::int64_t hidden = settings_.sizes.hidden;
  for (std::size_t layer = 0; layer < states_.size(); ++layer) {
    states_[layer].resize(rows.size() * static_cast<std::size_t>(hidden));
    const Tensor before = row_sources_.empty() ? Tensor() : session_.output(state_names_[layer]);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const float* from = rows[i].parent >= 0
                              ? before.f32(rows[i].parent)
                              : encoded_.last[layer].data() + rows[i].source * hidden;
      std::copy_n(from, hidden, states_[layer].data() + static_cast<std::int64_t>(i) * hidden);
    }
  }
}

// A run's sequences have rows: of sources that have finished neither hypotheses nor tokens go in.
void RecurrentDecoder::choose_sources(std::span<const HypothesisStep> rows) {
  std::vector<std::int32_t> wanted;
  row_offsets_.clear();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (wanted.empty() || wanted.back() != rows[i].source) {
      wanted.push_back(rows[i].source);
      row_offsets_.push_back(static_cast<std::int32_t>(i));
    }
  }
  row_offsets_.push_back(static_cast<std::int32_t>(rows.size()));
  if (wanted == chosen_) return;
  chosen_ = std::move(wanted);
  chosen_offsets_.assign(1, 0);
  chosen_states_.clear();
  chosen_keys_.clear();
  const bool all = static_cast<std::int64_t>(chosen_.size()) == sources();
  const std::int64_t hidden = settings_.sizes.hidden;
  for (const std::int32_t source : chosen_) {
    const std::int32_t first = encoded_.offsets[static_cast<std::size_t>(source)];
    const std::int32_t last = encoded_.offsets[static_cast<std::size_t>(source) + 1];
    chosen_offsets_.push_back(chosen_offsets_.back() + last - first);
    if (all) continue;
    const auto append = [&](const std::vector<float>& from, std::vector<float>& to) {
      to.insert(to.end(), from.begin() + first * hidden, from.begin() + last * hidden);
    };
    append(encoded_.states, chosen_states_);
    append(encoded_.keys, chosen_keys_);
  }
}

Tensor RecurrentDecoder::step(std::span<const HypothesisStep> rows, const StopCondition& stop) {
  check(rows);
  gather_states(rows);
  choose_sources(rows);
  const bool all = static_cast<std::int64_t>(chosen_.size()) == sources();
  std::vector<std::int32_t> tokens;
  for (const HypothesisStep& row : rows) tokens.push_back(row.token);
  std::vector<Input> inputs{
      {"input_ids", std::span<const std::int32_t>(tokens)},
      {"keys", std::span<const float>(all ? encoded_.keys : chosen_keys_)},
      {"states", std::span<const float>(all ? encoded_.states : chosen_states_)}};
  for (std::size_t layer = 0; layer < states_.size(); ++layer) {
    inputs.emplace_back(state_names_[layer], std::span<const float>(states_[layer]));
  }
  const RaggedRows ragged[]{{settings_.rows, row_offsets_}, {settings_.sources, chosen_offsets_}};
  row_sources_.clear();  // no parents if the run fails
  const ThreadLease threads(*settings_.budget, settings_.threads);
  session_.set_threads(threads.threads());
  session_.run(ragged, inputs, stop);
  for (const HypothesisStep& row : rows) row_sources_.push_back(row.source);
  return session_.output("logits");
}

Tensor RecurrentDecoder::top_states() const { return session_.output(state_names_.back()); }

Tensor RecurrentDecoder::attention() const { return session_.output("weights"); }

}  // namespace weft
