#include "runtime/vocabulary_head.h"

#include <algorithm>

namespace weft {
namespace {

constexpr const char* kInput = "hidden";
constexpr const char* kOutput = "logits";
// Logits that a session holds at a time, in bytes, and the fewest rows that still read the
// decoder's weights seldom enough.
constexpr std::int64_t kLogitsBudget = std::int64_t{64} << 20;
constexpr std::int64_t kFewestRows = 48;
constexpr std::int64_t kMostRows = 768;

}  // namespace

VocabularyHead::VocabularyHead(const Head& head, const Config& config, const Weights& weights,
                               std::int64_t hidden, std::int64_t vocabulary,
                               const CompileOptions& options, int threads)
    : hidden_(hidden) {
  Graph graph;
  rows_ = graph.ragged_rows("rows");
  const Value x = graph.input(kInput, rows_, hidden);
  graph.output(kOutput, head.build({graph, x, Value{}, config, weights, vocabulary}));
  model_ = Model::compile(std::move(graph), options);
  limits_.tokens = limits_.longest =
      std::clamp(kLogitsBudget / (4 * vocabulary), kFewestRows, kMostRows);
  limits_.sequences = 1;
  limits_.threads = threads;
  sessions_ = std::make_unique<SessionPool>(model_, limits_, std::vector<std::string>{kOutput});
}

void VocabularyHead::run(std::span<const float> rows, int threads, const StopCondition& stop,
                         const RowVisitor& visit) const {
  SessionLease session(*sessions_, threads);
  const auto count = static_cast<std::int64_t>(rows.size()) / hidden_;
  for (std::int64_t first = 0; first < count; first += limits_.tokens) {
    const std::int64_t n = std::min(limits_.tokens, count - first);
    const std::int32_t offsets[]{0, static_cast<std::int32_t>(n)};
    const RaggedRows ragged{rows_, offsets};
    const Input input{kInput, rows.subspan(static_cast<std::size_t>(first * hidden_),
                                           static_cast<std::size_t>(n * hidden_))};
    session->run({&ragged, 1}, {&input, 1}, stop);
    const Tensor logits = session->output(kOutput);
    for (std::int64_t i = 0; i < n; ++i) {
      visit(first + i, {logits.f32(i), static_cast<std::size_t>(logits.cols)});
    }
  }
}

std::size_t VocabularyHead::session_bytes() const {
  return Session::memory_bytes(*model_, limits_, {kOutput});
}

}  // namespace weft
