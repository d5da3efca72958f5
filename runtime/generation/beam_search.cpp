#include <algorithm>
#include <vector>

#include "runtime/generation/beams.h"
#include "runtime/generation/search_parts.h"

namespace weft {
namespace {

struct LiveSource {
  std::int32_t source = 0;
  SourceBeams beams;
};

// The rows of one step: those of each live source, beam by beam.
class BeamSearch {
 public:
  BeamSearch(const SearchCall& call, GeneratedTokens& result)
      : call_(call),
        result_(result),
        vocabulary_(static_cast<std::size_t>(call.decoder.vocabulary_size())),
        processor_(call.config, call.row_scores, call.decoder.vocabulary_size()),
        best_(SourceBeams::candidates(call.config)),
        scores_(vocabulary_) {
    for (std::int32_t source = 0; source < call.decoder.sources(); ++source) {
      live_.push_back({source, SourceBeams(call.config)});
      rows_.push_back({source, -1, call.config.start_token});
    }
    rows_.reserve(live_.size() * static_cast<std::size_t>(call.config.beams));
  }

  void run() {
    for (std::int64_t length = 1; !live_.empty(); ++length) {
      call_.require_step(length, live_.front().source);
      step(length);
    }
  }

 private:
  // At the first step all beams of a source have one row.
  std::int64_t rows_per_source(std::int64_t length) const {
    return length == 1 ? 1 : call_.config.beams;
  }

  void step(std::int64_t length) {
    const Tensor logits = call_.decoder.step(rows_, call_.stop);
    const std::int64_t per_source = rows_per_source(length);
    rows_.clear();
    std::size_t going_on = 0;
    for (std::size_t i = 0; i < live_.size(); ++i) {
      const std::int64_t first_row = static_cast<std::int64_t>(i) * per_source;
      choose(live_[i], logits, first_row, length);
      if (live_[i].beams.advance(best_.sorted(), length) == SourceBeams::Next::kDone) {
        write(live_[i]);
        continue;
      }
      for (std::int64_t beam = 0; beam < call_.config.beams; ++beam) {
        const std::int32_t parent = length == 1 ? 0 : live_[i].beams.parent(beam);
        rows_.push_back({live_[i].source, static_cast<std::int32_t>(first_row + parent),
                         live_[i].beams.running_tokens(beam, length + 1).back()});
      }
      if (going_on != i) std::swap(live_[going_on], live_[i]);
      ++going_on;
    }
    live_.erase(live_.begin() + static_cast<std::ptrdiff_t>(going_on), live_.end());
  }

  void choose(const LiveSource& live, const Tensor& logits, std::int64_t first_row,
              std::int64_t length) {
    best_.clear();
    for (std::int64_t beam = 0; beam < call_.config.beams; ++beam) {
      if (length > 1 || beam == 0) {
        const float* row = logits.f32(first_row + beam);
        if (!call_.row_scores.log_softmax({row, vocabulary_}, scores_)) {
          call_.refuse_scores(length, live.source);
        }
        if (processor_.active(length)) {
          processor_.apply(live.beams.running_tokens(beam, length), scores_);
        }
      }
      best_.add_row(static_cast<std::int32_t>(beam), scores_, live.beams.running_score(beam));
    }
  }

  void write(const LiveSource& live) {
    const auto tokens = live.beams.best();
    std::copy(tokens.begin(), tokens.end(),
              result_.tokens.begin() + live.source * result_.max_length);
    result_.lengths[live.source] = static_cast<std::int64_t>(tokens.size());
  }

  const SearchCall& call_;
  GeneratedTokens& result_;
  std::size_t vocabulary_;
  ScoreProcessor processor_;
  BestColumns best_;
  std::vector<float> scores_;  // of one row, as log-probabilities
  std::vector<LiveSource> live_;
  std::vector<HypothesisStep> rows_;
};

}  // namespace

void beam_search(const SearchCall& call, GeneratedTokens& result) {
  BeamSearch(call, result).run();
}

}  // namespace weft
