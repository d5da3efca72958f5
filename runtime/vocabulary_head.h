// A head whose rows are as wide as the vocabulary: a model of its own over rows of hidden states.
// As part of the encoder's graph it would hold (tokens, vocabulary) floats, 500 MB for 4096 tokens
// of BERT's; here a chunk of rows at a time, and only of the tokens whose scores are wanted.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "runtime/heads/head.h"
#include "runtime/session_pool.h"
#include "weft/transformer_model.h"

namespace weft {

class VocabularyHead {
 public:
  /// `hidden`: columns of the encoder's last_hidden_state; `vocabulary`: of the logits.
  VocabularyHead(const Head& head, const Config& config, const Weights& weights,
                 std::int64_t hidden, std::int64_t vocabulary, const CompileOptions& options,
                 int threads);

  /// rows: (n, hidden), C order. Calls visit(i, logits of row i) for each i in order.
  void run(std::span<const float> rows, int threads, const StopCondition& stop,
           const RowVisitor& visit) const;

  std::size_t packed_bytes() const { return model_->packed_bytes(); }
  const CacheReport& cache() const { return model_->cache(); }
  std::size_t session_bytes() const;

 private:
  SessionLimits limits_;
  RowSpace rows_;
  std::int64_t hidden_ = 0;
  std::shared_ptr<const Model> model_;
  std::unique_ptr<SessionPool> sessions_;
};

}  // namespace weft
