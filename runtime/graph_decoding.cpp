// Graph's functions of decoding: values that outlive a run, and attention over their rows.
#include <fmt/format.h>

#include "ops/cached_attention.h"
#include "runtime/graph_impl.h"
#include "weft/error.h"

namespace weft {
namespace {

[[noreturn]] void invalid(const std::string& message) {
  throw Error(Reason::kInvalidArgument, message);
}

// An input that names rows of `space`, which a run then checks.
ValueNode& row_numbers(Graph::Impl& graph, Value value, std::string_view argument,
                       std::int32_t space) {
  ValueNode& node = graph.values[value.id];
  if (node.kind != ValueNode::Kind::kInput || node.info.dtype != DType::kI32) {
    invalid(fmt::format("[cached_attention] {}: expected an input of ids, found another value",
                        argument));
  }
  if (node.rows_of >= 0 && node.rows_of != space) {
    invalid(fmt::format("[cached_attention] {}: {} names rows of {} already, found {}", argument,
                        node.name, graph.spaces[node.rows_of].name, graph.spaces[space].name));
  }
  return node;
}

}  // namespace

RowSpace Graph::state_rows(std::string name) {
  RowSpaceNode space;
  space.kind = RowSpaceNode::Kind::kState;
  space.name = std::move(name);
  return {add_space(*impl_, std::move(space))};
}

Value Graph::state(RowSpace rows, std::int64_t cols) {
  if (space_of(*impl_, rows, "state").kind != RowSpaceNode::Kind::kState) {
    invalid("[state] expected rows made by state_rows");
  }
  if (cols < 1) invalid(fmt::format("[state] expected at least 1 column, found {}", cols));
  ValueNode value;
  value.kind = ValueNode::Kind::kState;
  value.info.rows = rows.id;
  value.info.cols = cols;
  return {add_value(*impl_, std::move(value))};
}

AttentionValues Graph::cached_attention(Value q, Value keys, Value values, Value key_rows,
                                        const CachedAttentionOptions& options) {
  const auto info = [&](Value value) { return value_of(*impl_, value, "cached_attention").info; };
  CachedAttentionParameters parameters{.heads = options.heads,
                                       .q_cols = info(q).cols,
                                       .v_cols = info(values).cols,
                                       .scale = options.scale};
  std::vector<Value> in{q, key_rows, keys, values};
  const std::int32_t space = info(keys).rows;
  if (options.new_rows) {
    for (Value value : {keys, values}) {
      const ValueNode& node = value_of(*impl_, value, "cached_attention");
      const std::int32_t base = node.kind == ValueNode::Kind::kView ? node.base : value.id;
      if (impl_->values[base].kind != ValueNode::Kind::kState) {
        invalid("[cached_attention] new_rows: expected keys and values of a state");
      }
    }
    parameters.append = Append::kYes;
    in.insert(in.end(), {options.new_keys, options.new_values, options.new_rows});
  }
  if (options.distance_bias) {
    parameters.has_bias = true;
    in.push_back(options.distance_bias);
  }
  CachedAttentionOp(parameters).infer(infos_of(*impl_, in, "cached_attention"));
  ValueNode& listed = row_numbers(*impl_, key_rows, "key_rows", space);
  if (options.new_rows) {
    ValueNode& appended = row_numbers(*impl_, options.new_rows, "new_rows", space);
    if (appended.appended_to >= 0 && appended.appended_to != key_rows.id) {
      invalid("[cached_attention] new_rows: expected the key_rows of before, found others");
    }
    appended.rows_of = space;
    appended.appended_to = key_rows.id;
  }
  listed.rows_of = space;
  impl_->spaces[info(q).rows].single_rows = true;
  const std::vector<Value> results =
      add_node(*impl_, std::make_unique<CachedAttentionOp>(parameters), in);
  return {results[0], results[1]};
}

}  // namespace weft
