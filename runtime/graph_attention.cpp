// The functions of Graph in which rows look at other rows of their sequence with weights.
#include <fmt/format.h>

#include "ops/additive_attention.h"
#include "ops/attention.h"
#include "ops/kernel_regression.h"
#include "ops/masked_softmax.h"
#include "ops/position_table.h"
#include "runtime/graph_impl.h"
#include "weft/error.h"

namespace weft {
namespace {

[[noreturn]] void invalid(const std::string& message) {
  throw Error(Reason::kInvalidArgument, message);
}

bool is_sequences_of(const RowSpaceNode& space, std::int32_t rows) {
  return space.kind == RowSpaceNode::Kind::kSequences && space.ragged == rows;
}

// Adds key lengths to inputs that begin with q and k; returns whether they speak of queries or of
// sequences.
LengthsPer add_lengths(const Graph::Impl& graph, std::string_view name, Value lengths,
                       std::vector<Value>& in) {
  const ValueNode& value = value_of(graph, lengths, name);
  const std::int32_t query_rows = value_of(graph, in[0], name).info.rows;
  const std::int32_t key_rows = value_of(graph, in[1], name).info.rows;
  const RowSpaceNode& space = graph.spaces[value.info.rows];
  if (value.lengths_of >= 0 && value.lengths_of != key_rows) {
    invalid(fmt::format("[{}] key_lengths: {} counts rows of {} already, found {}", name,
                        value.name, graph.spaces[value.lengths_of].name,
                        graph.spaces[key_rows].name));
  }
  in.push_back(lengths);
  return is_sequences_of(space, query_rows) || is_sequences_of(space, key_rows)
             ? LengthsPer::kSequence
             : LengthsPer::kQuery;
}

// The position tables as inputs of attention, in the forms that it reads.
void add_positions(Graph& graph, const DisentangledPositions& positions,
                   AttentionParameters& parameters, std::vector<Value>& in) {
  parameters.position_rows = position_rows("attention", positions.buckets, positions.max_distance);
  const std::int64_t expected = position_table_rows(positions.buckets, positions.max_distance);
  const auto check = [&](std::string_view argument, Value table) {
    if (!table) return;
    const ValueInfo& info = value_of(graph.impl(), table, "attention").info;
    if (info.fixed_rows == expected && info.cols == parameters.q_cols) return;
    invalid(fmt::format(
        "[attention] {}: expected {} fixed rows and {} columns, found {} and {}", argument,
        expected, parameters.q_cols,
        info.fixed_rows < 0 ? std::string("ragged rows") : std::to_string(info.fixed_rows),
        info.cols));
  };
  check("position_keys", positions.position_keys);
  check("position_queries", positions.position_queries);
  const auto add = [&](Value table, PositionForm form) {
    if (!table) return -1;
    const std::vector<std::int32_t>& used = parameters.position_rows.used;
    const RowSpace rows = graph.fixed_rows(parameters.heads);
    in.push_back(add_node(graph.impl(),
                          std::make_unique<PositionTableOp>(form, used, parameters.heads, rows.id),
                          {table})[0]);
    return static_cast<int>(in.size()) - 1;
  };
  parameters.position_keys_input = add(positions.position_keys, PositionForm::kRows);
  parameters.position_queries_input = add(positions.position_queries, PositionForm::kPanels);
}

}  // namespace

AttentionValues Graph::attention(Value q, Value k, Value v, const AttentionOptions& options) {
  AttentionParameters parameters{.heads = options.heads,
                                 .q_cols = value_of(*impl_, q, "attention").info.cols,
                                 .v_cols = value_of(*impl_, v, "attention").info.cols,
                                 .scale = options.scale,
                                 .keys = options.keys,
                                 .window = options.window};
  std::vector<Value> in{q, k, v};
  if (options.distance_bias) {
    parameters.bias_input = static_cast<int>(in.size());
    in.push_back(options.distance_bias);
  }
  if (options.key_lengths) {
    parameters.lengths_input = static_cast<int>(in.size());
    parameters.lengths_per = add_lengths(*impl_, "attention", options.key_lengths, in);
  }
  if (options.positions.position_keys || options.positions.position_queries) {
    AttentionOp(parameters)
        .infer(infos_of(*impl_, in, "attention"));  // before nodes for the tables are added
    add_positions(*this, options.positions, parameters, in);
  }
  const std::vector<Value> results =
      add_node(*impl_, std::make_unique<AttentionOp>(std::move(parameters)), in);
  if (options.key_lengths) {
    impl_->values[options.key_lengths.id].lengths_of = impl_->values[k.id].info.rows;
  }
  return {results[0], results[1]};
}

AttentionValues Graph::additive_attention(Value q, Value k, Value v, const Weight& weights,
                                          const AdditiveOptions& options) {
  AdditiveParameters parameters{.weights = weights, .keys = options.keys};
  std::vector<Value> in{q, k, v};
  if (options.key_lengths) {
    parameters.lengths_input = static_cast<int>(in.size());
    parameters.lengths_per = add_lengths(*impl_, "additive_attention", options.key_lengths, in);
  }
  const std::vector<Value> results =
      add_node(*impl_, std::make_unique<AdditiveAttentionOp>(std::move(parameters)), in);
  if (options.key_lengths) {
    impl_->values[options.key_lengths.id].lengths_of = impl_->values[k.id].info.rows;
  }
  return {results[0], results[1]};
}

AttentionValues Graph::kernel_regression(Value q, Value k, Value v, const Weight& width) {
  KernelRegressionParameters parameters{
      .q_cols = value_of(*impl_, q, "kernel_regression").info.cols,
      .v_cols = value_of(*impl_, v, "kernel_regression").info.cols,
      .width = width};
  const std::vector<Value> results =
      add_node(*impl_, std::make_unique<KernelRegressionOp>(std::move(parameters)), {q, k, v});
  return {results[0], results[1]};
}

Value Graph::masked_softmax(Value x, const SoftmaxMask& mask) {
  MaskedSoftmaxParameters parameters{.keys = mask.keys};
  std::vector<Value> in{x};
  const std::int64_t cols = value_of(*impl_, x, "masked_softmax").info.cols;
  if (mask.lengths) {
    const ValueNode& lengths = value_of(*impl_, mask.lengths, "masked_softmax");
    const std::int32_t rows = impl_->values[x.id].info.rows;
    parameters.lengths_input = 1;
    parameters.lengths_per = is_sequences_of(impl_->spaces[lengths.info.rows], rows)
                                 ? LengthsPer::kSequence
                                 : LengthsPer::kQuery;
    in.push_back(mask.lengths);
  }
  const Value result = add_node(*impl_, std::make_unique<MaskedSoftmaxOp>(parameters), in)[0];
  if (mask.lengths) limit_ids(impl_->values[mask.lengths.id], cols + 1);
  return result;
}

}  // namespace weft
