#include "runtime/generation/cached_step_decoder.h"

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <numeric>

#include "ops/buffer.h"
#include "runtime/generation/encoder_decoder_impl.h"
#include "weft/error.h"

namespace weft {
namespace {

[[noreturn]] void fail(Reason reason, const std::string& message) {
  throw Error(reason, "[decode] " + message);
}

std::int64_t checked_product(std::int64_t a, std::int64_t b, const char* what) {
  std::int64_t product = 0;
  if (__builtin_mul_overflow(a, b, &product) || product > INT32_MAX) {
    fail(Reason::kResourceExhausted,
         fmt::format("{}: expected at most {} rows, found {} times {}", what, INT32_MAX, a, b));
  }
  return product;
}

std::size_t memory_of_machine() {
  return static_cast<std::size_t>(sysconf(_SC_PHYS_PAGES)) *
         static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

class CachedStepDecoder final : public StepDecoder {
 public:
  CachedStepDecoder(std::shared_ptr<const EncoderDecoder> model, const TokenBatch& sources,
                    const DecodeLimits& limits, const StopCondition& stop)
      : owner_(std::move(model)),
        model_(owner_->impl()),
        limits_(limits),
        source_offsets_(sources.offsets),
        source_rows_(static_cast<std::size_t>(sources.tokens())) {
    check_limits();
    std::iota(source_rows_.begin(), source_rows_.end(), 0);
    const SessionLimits session_limits = step_limits(sources.longest());
    take_memory(session_limits, sources);
    session_.emplace(model_.model, session_limits, std::vector<std::string>{kStepLogits});
    encode(sources, stop);
    reserve(sources.longest());
  }

  std::int64_t sources() const override {
    return static_cast<std::int64_t>(source_offsets_.size()) - 1;
  }
  std::int64_t vocabulary_size() const override { return model_.info.target_vocabulary; }
  std::int64_t max_steps() const override { return limits_.steps; }

  Tensor step(std::span<const HypothesisStep> rows, const StopCondition& stop) override {
    check(rows);
    if (rows.empty()) {
      now_.clear();
      return {nullptr, 0, vocabulary_size(), vocabulary_size()};
    }
    give_free_rows(rows);
    list(rows);
    const RaggedRows spaces[]{{model_.step.rows(), counting(rows.size() + 1)},
                              {model_.step.past, next_.offsets},
                              {model_.step.sources, source_offsets_},
                              {model_.step.source_lists, listed_sources_.offsets}};
    const Input inputs[]{
        {kStepIds, ids_},
        {kStepPositions, positions_},
        {kPastRows, next_.rows},
        {kWrittenRows, written_},
        {kSourceRows, listed_sources_.rows},
        {kSourceKeysValues,
         std::span<const float>(keys_values_.f32(),
                                static_cast<std::size_t>(source_rows_.size()) *
                                    static_cast<std::size_t>(model_.source_columns))}};
    const ThreadLease threads(*model_.budget, model_.limits.threads);
    session_->set_threads(threads.threads());
    session_->run(spaces, inputs, stop);
    std::swap(now_, next_);
    now_sources_.clear();
    for (const HypothesisStep& row : rows) now_sources_.push_back(row.source);
    return session_->output(kStepLogits);
  }

 private:
  // Sequences of row numbers.
  struct Lists {
    std::vector<std::int32_t> offsets{0}, rows;

    void clear() {
      offsets.resize(1);
      rows.clear();
    }
    std::span<const std::int32_t> of(std::int64_t i) const {
      return std::span<const std::int32_t>(rows).subspan(
          static_cast<std::size_t>(offsets[i]),
          static_cast<std::size_t>(offsets[i + 1] - offsets[i]));
    }
    void end() { offsets.push_back(static_cast<std::int32_t>(rows.size())); }
    std::int64_t size() const { return static_cast<std::int64_t>(offsets.size()) - 1; }
  };

  void check_limits() const {
    if (!model_.has_head) {
      fail(Reason::kFailedPrecondition,
           fmt::format("{}: architectures: expected a class whose head scores a vocabulary, found "
                       "another",
                       model_.config_source));
    }
    if (source_offsets_.size() < 2) {
      fail(Reason::kInvalidArgument, "sources: expected at least 1, found none");
    }
    if (limits_.rows < 1 || limits_.steps < 1) {
      fail(Reason::kInvalidArgument,
           fmt::format("expected at least 1 row and 1 step, found {} and {}", limits_.rows,
                       limits_.steps));
    }
    if (limits_.steps > model_.info.max_target_tokens) {
      fail(Reason::kOutOfRange,
           fmt::format("steps: expected at most {}, the model's positions, found {}",
                       model_.info.max_target_tokens, limits_.steps));
    }
  }

  SessionLimits step_limits(std::int64_t longest) const {
    const std::int64_t cells = checked_product(limits_.rows, limits_.steps, "the cache");
    const std::int64_t seen = checked_product(limits_.rows, longest, "rows of sources");
    SessionLimits limits{.threads = model_.limits.threads};
    limits.spaces = {
        {model_.step.rows(), limits_.rows, limits_.rows, 1},
        {model_.step.past, cells, limits_.rows, limits_.steps},
        {model_.step.sources, static_cast<std::int64_t>(source_rows_.size()), sources(), longest},
        {model_.step.source_lists, seen, limits_.rows, longest},
        {model_.step.cache, cells}};
    return limits;
  }

  void take_memory(const SessionLimits& limits, const TokenBatch& sources) {
    std::size_t of_sources = 0;
    const bool overflow = __builtin_mul_overflow(
        static_cast<std::size_t>(sources.tokens()),
        static_cast<std::size_t>(model_.source_columns) * sizeof(float), &of_sources);
    const std::size_t needed =
        overflow ? SIZE_MAX
                 : of_sources + Session::memory_bytes(*model_.model, limits, {kStepLogits});
    const std::size_t most = limits_.memory_bytes > 0 ? limits_.memory_bytes : memory_of_machine();
    if (needed > most) {
      fail(Reason::kResourceExhausted,
           fmt::format("expected at most {} bytes, found {} for {} hypotheses of {} tokens and {} "
                       "tokens of sources",
                       most, needed, limits_.rows, limits_.steps, sources.tokens()));
    }
    keys_values_ = Buffer(of_sources);
  }

  void encode(const TokenBatch& sources, const StopCondition& stop) {
    const std::int64_t most =
        std::min<std::int64_t>(sources.tokens(), std::max(model_.limits.tokens, sources.longest()));
    const ThreadLease threads(*model_.budget, model_.limits.threads);
    SessionLimits limits{.threads = threads.threads()};
    limits.spaces = {{model_.sources, most, sources.sequences(), sources.longest()}};
    Session session(model_.model, limits, {kSourceKeysValues});
    std::vector<std::int32_t> offsets;
    for (std::int64_t first = 0, last = 0; first < sources.sequences(); first = last) {
      const std::int32_t begin = sources.offsets[first];
      offsets.assign(1, 0);
      while (last < sources.sequences() && sources.offsets[last + 1] - begin <= most) {
        offsets.push_back(sources.offsets[++last] - begin);
      }
      const auto part = [&](const std::vector<std::int32_t>& values) {
        return std::span<const std::int32_t>(values).subspan(
            static_cast<std::size_t>(begin), static_cast<std::size_t>(offsets.back()));
      };
      const RaggedRows rows{model_.sources, offsets};
      const Input inputs[]{{"input_ids", part(sources.ids)},
                           {"position_ids", part(sources.position_ids)}};
      session.run({&rows, 1}, inputs, stop);
      const Tensor result = session.output(kSourceKeysValues);
      for (std::int64_t i = 0; i < result.rows; ++i) {
        std::copy_n(result.f32(i), result.cols, keys_values_.f32() + (begin + i) * result.cols);
      }
    }
  }

  // So that steps allocate nothing.
  void reserve(std::int64_t longest) {
    const auto rows = static_cast<std::size_t>(limits_.rows);
    const std::size_t cells = rows * static_cast<std::size_t>(limits_.steps);
    counting_.resize(rows + 1);
    std::iota(counting_.begin(), counting_.end(), 0);
    for (Lists* lists : {&now_, &next_}) {
      lists->offsets.reserve(rows + 1);
      lists->rows.reserve(cells);
    }
    listed_sources_.offsets.reserve(rows + 1);
    listed_sources_.rows.reserve(rows * static_cast<std::size_t>(longest));
    for (auto* values : {&ids_, &positions_, &written_, &now_sources_}) values->reserve(rows);
    used_.resize(cells);
    free_.reserve(cells);
  }

  void check(std::span<const HypothesisStep> rows) const {
    if (static_cast<std::int64_t>(rows.size()) > limits_.rows) {
      fail(Reason::kResourceExhausted,
           fmt::format("expected at most {} hypotheses, found {}", limits_.rows, rows.size()));
    }
    for (std::size_t r = 0; r < rows.size(); ++r) {
      const HypothesisStep& row = rows[r];
      const auto require = [&](bool holds, const char* what, std::int64_t most,
                               std::int64_t found) {
        if (holds) return;
        fail(Reason::kOutOfRange,
             fmt::format("row {}: {}: expected at most {}, found {}", r, what, most, found));
      };
      require(row.source >= 0 && row.source < sources(), "source", sources() - 1, row.source);
      require(row.token >= 0 && row.token < vocabulary_size(), "token", vocabulary_size() - 1,
              row.token);
      require(row.parent >= -1 && row.parent < now_.size(), "parent", now_.size() - 1, row.parent);
      if (r > 0 && row.source < rows[r - 1].source) {
        fail(Reason::kInvalidArgument, fmt::format("row {}: expected sources to rise, found {} "
                                                   "after {}",
                                                   r, row.source, rows[r - 1].source));
      }
      if (row.parent < 0) continue;
      if (now_sources_[static_cast<std::size_t>(row.parent)] != row.source) {
        fail(Reason::kInvalidArgument,
             fmt::format("row {}: expected a parent of source {}, found one of source {}", r,
                         row.source, now_sources_[static_cast<std::size_t>(row.parent)]));
      }
      require(static_cast<std::int64_t>(now_.of(row.parent).size()) < limits_.steps, "steps",
              limits_.steps, limits_.steps + 1);
    }
  }

  // At least as many free rows as this step writes: all but those that a parent lists. There are
  // enough, since the texts that go on have fewer than `steps` tokens each.
  void give_free_rows(std::span<const HypothesisStep> rows) {
    if (free_.size() >= rows.size()) return;
    std::fill(used_.begin(), used_.end(), 0);
    for (const HypothesisStep& row : rows) {
      if (row.parent < 0) continue;
      for (std::int32_t cell : now_.of(row.parent)) used_[static_cast<std::size_t>(cell)] = 1;
    }
    free_.clear();
    for (std::size_t cell = used_.size(); cell-- > 0;) {  // the lowest last, to be taken first
      if (used_[cell] == 0) free_.push_back(static_cast<std::int32_t>(cell));
    }
  }

  void list(std::span<const HypothesisStep> rows) {
    next_.clear();
    listed_sources_.clear();
    ids_.clear();
    positions_.clear();
    written_.clear();
    for (const HypothesisStep& row : rows) {
      std::int32_t position = 0;
      if (row.parent >= 0) {
        const std::span<const std::int32_t> past = now_.of(row.parent);
        position = static_cast<std::int32_t>(past.size());
        next_.rows.insert(next_.rows.end(), past.begin(), past.end());
      }
      next_.rows.push_back(free_.back());
      next_.end();
      written_.push_back(free_.back());
      free_.pop_back();
      ids_.push_back(row.token);
      positions_.push_back(position);
      listed_sources_.rows.insert(listed_sources_.rows.end(),
                                  source_rows_.begin() + source_offsets_[row.source],
                                  source_rows_.begin() + source_offsets_[row.source + 1]);
      listed_sources_.end();
    }
  }

  std::span<const std::int32_t> counting(std::size_t n) const {
    return std::span<const std::int32_t>(counting_).first(n);
  }

  std::shared_ptr<const EncoderDecoder> owner_;
  const EncoderDecoder::Impl& model_;
  DecodeLimits limits_;
  std::vector<std::int32_t> source_offsets_;
  std::vector<std::int32_t> source_rows_;  // 0, 1, 2, ...: all rows of the sources
  Buffer keys_values_;                     // (source tokens, source_columns)
  std::optional<Session> session_;
  Lists now_, next_;  // rows of the cache that each hypothesis lists
  std::vector<std::int32_t> now_sources_;
  Lists listed_sources_;
  std::vector<std::int32_t> counting_, ids_, positions_, written_;
  std::vector<char> used_;          // per row of the cache, while free rows are looked for
  std::vector<std::int32_t> free_;  // rows of the cache that nothing lists
};

}  // namespace

std::unique_ptr<StepDecoder> new_step_decoder(std::shared_ptr<const EncoderDecoder> model,
                                              const TokenBatch& sources, const DecodeLimits& limits,
                                              const StopCondition& stop) {
  if (const RecurrentModel* recurrent = model->impl().recurrent.get()) {
    return recurrent->new_decoder(sources, limits.rows, stop);
  }
  return std::make_unique<CachedStepDecoder>(std::move(model), sources, limits, stop);
}

}  // namespace weft
