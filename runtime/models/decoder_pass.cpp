#include "runtime/models/decoder_pass.h"

#include "runtime/models/seq2seq_graph.h"

namespace weft {

DecoderPass DecoderPass::of_targets(Graph& graph, Value source_keys_values) {
  DecoderPass pass;
  pass.rows_ = graph.ragged_rows("targets");
  pass.source_keys_values_ = source_keys_values;
  return pass;
}

DecoderPass DecoderPass::of_step(Graph& graph, RowSpace sources, std::int64_t source_columns) {
  DecoderPass pass;
  pass.rows_ = graph.ragged_rows("hypotheses");
  pass.past = graph.ragged_rows("past");
  pass.source_lists = graph.ragged_rows("source lists");
  pass.cache = graph.state_rows("cache");
  pass.sources = sources;
  pass.source_keys_values_ = graph.input(kSourceKeysValues, sources, source_columns);
  pass.past_rows_ = graph.input_ids(kPastRows, pass.past);
  pass.written_rows_ = graph.input_ids(kWrittenRows, pass.rows_);
  pass.source_rows_ = graph.input_ids(kSourceRows, pass.source_lists);
  return pass;
}

Value DecoderPass::ids(Graph& graph) { return graph.input_ids(name(kTargetIds, kStepIds), rows_); }

Value DecoderPass::positions(Graph& graph) {
  return graph.input_ids(name(kTargetPositions, kStepPositions), rows_);
}

Value DecoderPass::features(Graph& graph, std::int64_t cols) {
  return graph.input(kTargetFeatures, rows_, cols);
}

Value DecoderPass::self_attention(Graph& graph, Value query_key_value, AttentionOptions options) {
  const std::int64_t inner = graph.cols(query_key_value) / 3;
  const Value q = graph.columns(query_key_value, 0, inner);
  const Value k = graph.columns(query_key_value, inner, inner);
  const Value v = graph.columns(query_key_value, 2 * inner, inner);
  AttentionValues seen;
  if (is_step()) {
    const Value state = graph.state(cache, 2 * inner);
    seen = graph.cached_attention(q, graph.columns(state, 0, inner),
                                  graph.columns(state, inner, inner), past_rows_,
                                  {.heads = options.heads,
                                   .scale = options.scale,
                                   .distance_bias = options.distance_bias,
                                   .new_keys = k,
                                   .new_values = v,
                                   .new_rows = written_rows_});
  } else {
    options.keys = KeyRule::kCausal;
    seen = graph.attention(q, k, v, options);
  }
  self_attentions.push_back(seen.weights);
  return seen.output;
}

Value DecoderPass::cross_attention(Graph& graph, Value q, const AttentionOptions& options) {
  const std::int64_t inner = graph.cols(q);
  const auto layer = static_cast<std::int64_t>(cross_attentions.size());
  const Value k = graph.columns(source_keys_values_, 2 * layer * inner, inner);
  const Value v = graph.columns(source_keys_values_, (2 * layer + 1) * inner, inner);
  const AttentionValues seen =
      is_step() ? graph.cached_attention(q, k, v, source_rows_,
                                         {.heads = options.heads, .scale = options.scale})
                : graph.attention(q, k, v, options);
  cross_attentions.push_back(seen.weights);
  return seen.output;
}

}  // namespace weft
