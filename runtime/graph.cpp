#include "weft/graph.h"

#include <fmt/format.h>

#include <algorithm>

#include "ops/activation.h"
#include "ops/concat.h"
#include "ops/elementwise.h"
#include "ops/embedding.h"
#include "ops/gated.h"
#include "ops/layer_norm.h"
#include "ops/linear.h"
#include "ops/matmul.h"
#include "ops/neighbors.h"
#include "ops/normalize.h"
#include "ops/pool.h"
#include "ops/rms_norm.h"
#include "ops/rotary.h"
#include "ops/softmax.h"
#include "runtime/graph_impl.h"
#include "weft/error.h"

namespace weft {
namespace {

[[noreturn]] void invalid(const std::string& message) {
  throw Error(Reason::kInvalidArgument, message);
}

}  // namespace

std::int32_t add_space(Graph::Impl& graph, RowSpaceNode space) {
  graph.spaces.push_back(std::move(space));
  return static_cast<std::int32_t>(graph.spaces.size()) - 1;
}

std::int32_t add_value(Graph::Impl& graph, ValueNode value) {
  graph.values.push_back(std::move(value));
  return static_cast<std::int32_t>(graph.values.size()) - 1;
}

const RowSpaceNode& space_of(const Graph::Impl& graph, RowSpace rows, const char* where) {
  if (rows.id < 0 || rows.id >= static_cast<std::int32_t>(graph.spaces.size())) {
    invalid(fmt::format("[{}] row space {} is not of this graph", where, rows.id));
  }
  return graph.spaces[rows.id];
}

const ValueNode& value_of(const Graph::Impl& graph, Value value, std::string_view where) {
  if (value.id < 0 || value.id >= static_cast<std::int32_t>(graph.values.size())) {
    invalid(fmt::format("[{}] value {} is not of this graph", where, value.id));
  }
  return graph.values[value.id];
}

std::vector<ValueInfo> infos_of(const Graph::Impl& graph, const std::vector<Value>& values,
                                std::string_view where) {
  std::vector<ValueInfo> infos;
  for (Value value : values) infos.push_back(value_of(graph, value, where).info);
  return infos;
}

/// Appends a node after its op has checked the inputs; the graph is unchanged when that throws.
std::vector<Value> add_node(Graph::Impl& graph, std::unique_ptr<Op> op,
                            const std::vector<Value>& in) {
  GraphNode node;
  const std::vector<ValueInfo> infos = infos_of(graph, in, op->name());
  for (Value value : in) node.in.push_back(value.id);
  std::vector<Value> results;
  for (const ValueInfo& info : op->infer(infos)) {
    ValueNode value;
    value.info = info;
    node.out.push_back(add_value(graph, std::move(value)));
    results.push_back({node.out.back()});
  }
  node.op = std::move(op);
  graph.nodes.push_back(std::move(node));
  return results;
}

/// Ids that index `entries` rows, among others.
void limit_ids(ValueNode& ids, std::int64_t entries) {
  ids.id_limit = ids.id_limit == 0 ? entries : std::min(ids.id_limit, entries);
}

namespace {

template <typename OpType, typename... Arguments>
Value add_op(Graph::Impl& graph, const std::vector<Value>& in, Arguments&&... arguments) {
  return add_node(graph, std::make_unique<OpType>(std::forward<Arguments>(arguments)...), in)[0];
}

}  // namespace

Graph::Graph() : impl_(std::make_unique<Impl>()) {}
Graph::~Graph() = default;
Graph::Graph(Graph&&) noexcept = default;
Graph& Graph::operator=(Graph&&) noexcept = default;

RowSpace Graph::ragged_rows(std::string name) {
  RowSpaceNode space;
  space.name = std::move(name);
  return {add_space(*impl_, std::move(space))};
}

RowSpace Graph::sequence_rows(RowSpace ragged) {
  if (space_of(*impl_, ragged, "sequence_rows").kind != RowSpaceNode::Kind::kRagged) {
    invalid("[sequence_rows] expected a ragged row space");
  }
  for (std::size_t i = 0; i < impl_->spaces.size(); ++i) {
    const RowSpaceNode& space = impl_->spaces[i];
    if (space.kind == RowSpaceNode::Kind::kSequences && space.ragged == ragged.id) {
      return {static_cast<std::int32_t>(i)};
    }
  }
  RowSpaceNode space;
  space.kind = RowSpaceNode::Kind::kSequences;
  space.name = "sequences of " + impl_->spaces[ragged.id].name;
  space.ragged = ragged.id;
  return {add_space(*impl_, std::move(space))};
}

RowSpace Graph::fixed_rows(std::int64_t n) {
  if (n < 1) invalid(fmt::format("[fixed_rows] expected at least 1 row, found {}", n));
  for (std::size_t i = 0; i < impl_->spaces.size(); ++i) {
    const RowSpaceNode& space = impl_->spaces[i];
    if (space.kind == RowSpaceNode::Kind::kFixed && space.fixed_rows == n) {
      return {static_cast<std::int32_t>(i)};
    }
  }
  RowSpaceNode space;
  space.kind = RowSpaceNode::Kind::kFixed;
  space.name = fmt::format("{} fixed rows", n);
  space.fixed_rows = n;
  return {add_space(*impl_, std::move(space))};
}

namespace {

ValueNode make_input(const Graph::Impl& graph, std::string name, RowSpace rows, std::int64_t cols,
                     DType dtype) {
  const RowSpaceNode& space = space_of(graph, rows, "input");
  if (cols < 1)
    invalid(fmt::format("[input] {}: expected at least 1 column, found {}", name, cols));
  for (const ValueNode& other : graph.values) {
    if (other.kind == ValueNode::Kind::kInput && other.name == name) {
      invalid(fmt::format("[input] {}: the graph already has an input of this name", name));
    }
  }
  ValueNode value;
  value.kind = ValueNode::Kind::kInput;
  value.name = std::move(name);
  value.info.rows = rows.id;
  if (space.kind == RowSpaceNode::Kind::kFixed) value.info.fixed_rows = space.fixed_rows;
  value.info.cols = cols;
  value.info.dtype = dtype;
  return value;
}

}  // namespace

Value Graph::input(std::string name, RowSpace rows, std::int64_t cols) {
  return {add_value(*impl_, make_input(*impl_, std::move(name), rows, cols, DType::kF32))};
}

Value Graph::input_ids(std::string name, RowSpace rows) {
  return {add_value(*impl_, make_input(*impl_, std::move(name), rows, 1, DType::kI32))};
}

Value Graph::constant(const Weight& weight) {
  if (!weight || weight.size() < 1) invalid("[constant] expected a weight with at least 1 element");
  ValueNode value;
  value.kind = ValueNode::Kind::kConstant;
  value.info.rows = fixed_rows(weight.rows()).id;
  value.info.fixed_rows = weight.rows();
  value.info.cols = weight.cols();
  value.weight = weight;
  return {add_value(*impl_, std::move(value))};
}

Value Graph::embedding(const std::vector<Lookup>& lookups) {
  std::vector<Weight> tables;
  std::vector<Value> ids;
  for (const Lookup& lookup : lookups) {
    tables.push_back(lookup.table);
    ids.push_back(lookup.ids);
  }
  const Value result = add_op<EmbeddingOp>(*impl_, ids, tables);
  for (const Lookup& lookup : lookups) {
    limit_ids(impl_->values[lookup.ids.id], lookup.table.rows());
  }
  return result;
}

Value Graph::linear(Value x, const Weight& weight, const LinearOptions& options) {
  std::vector<Value> in{x};
  if (options.residual) in.push_back(options.residual);
  return add_op<LinearOp>(*impl_, in, std::vector<ProductPart>{{weight, options.bias}},
                          options.activation);
}

Value Graph::linear(Value x, const std::vector<Projection>& projections) {
  std::vector<ProductPart> parts;
  for (const Projection& projection : projections) {
    parts.push_back({projection.weight, projection.bias});
  }
  return add_op<LinearOp>(*impl_, {x}, std::move(parts), Activation::kNone);
}

Value Graph::matmul(Value a, Value b) {
  return add_op<MatmulOp>(*impl_, {a, b}, MatmulForm::kPlain);
}

Value Graph::matmul_transposed(Value a, Value b) {
  return add_op<MatmulOp>(*impl_, {a, b}, MatmulForm::kTransposed);
}

Value Graph::layer_norm(Value x, const Weight& gamma, const Weight& beta, float eps) {
  return add_op<LayerNormOp>(*impl_, {x}, gamma, beta, eps);
}

Value Graph::rms_norm(Value x, const Weight& gamma, float eps) {
  return add_op<RmsNormOp>(*impl_, {x}, gamma, eps);
}

Value Graph::rotary(Value x, Value positions, Value table, std::int64_t heads, RotaryPairs pairs) {
  const Value result = add_op<RotaryOp>(*impl_, {x, positions, table}, heads, pairs);
  limit_ids(impl_->values[positions.id], impl_->values[table.id].info.fixed_rows);
  return result;
}

Value Graph::softmax(Value x) { return add_op<SoftmaxOp>(*impl_, {x}); }

Value Graph::activation(Value x, Activation activation) {
  return add_op<ActivationOp>(*impl_, {x}, activation);
}

Value Graph::gated(Value a, Value b, Activation activation) {
  return add_op<GatedOp>(*impl_, {a, b}, activation);
}

Value Graph::add(Value a, Value b) {
  return add_op<ElementwiseOp>(*impl_, {a, b}, Elementwise::kAdd);
}

Value Graph::multiply(Value a, Value b) {
  return add_op<ElementwiseOp>(*impl_, {a, b}, Elementwise::kMultiply);
}

Value Graph::columns(Value x, std::int64_t first, std::int64_t count) {
  const ValueNode& source = value_of(*impl_, x, "columns");
  if (source.info.dtype != DType::kF32 || source.info.per_key) {
    invalid("[columns] expected an F32 matrix of fixed width");
  }
  if (first < 0 || count < 1 || first > source.info.cols - count) {
    invalid(fmt::format("[columns] expected a range within {} columns, found {} columns from {}",
                        source.info.cols, count, first));
  }
  ValueNode view;
  view.kind = ValueNode::Kind::kView;
  view.info = source.info;
  view.info.cols = count;
  const bool of_view = source.kind == ValueNode::Kind::kView;
  view.base = of_view ? source.base : x.id;
  view.first_col = first + (of_view ? source.first_col : 0);
  return {add_value(*impl_, std::move(view))};
}

Value Graph::pool(Value x, Pooling pooling, Value skip) {
  const ValueNode& source = value_of(*impl_, x, "pool");
  if (impl_->spaces[source.info.rows].kind != RowSpaceNode::Kind::kRagged) {
    invalid("[pool] expected a value with ragged rows");
  }
  const RowSpace sequences = sequence_rows({source.info.rows});
  std::vector<Value> in{x};
  if (skip) {
    const ValueInfo& info = value_of(*impl_, skip, "pool").info;
    if (info.rows != sequences.id || info.dtype != DType::kI32) {
      invalid("[pool] skip: expected I32 with one row per sequence of the pooled rows");
    }
    in.push_back(skip);
  }
  return add_op<PoolOp>(*impl_, in, pooling, sequences.id);
}

Value Graph::neighbors(Value x, std::int64_t width) {
  const ValueNode& source = value_of(*impl_, x, "neighbors");
  if (impl_->spaces[source.info.rows].kind != RowSpaceNode::Kind::kRagged) {
    invalid("[neighbors] expected a value with ragged rows");
  }
  return add_op<NeighborsOp>(*impl_, {x}, width);
}

Value Graph::concat(const std::vector<Value>& values) { return add_op<ConcatOp>(*impl_, values); }

Value Graph::normalize(Value x) { return add_op<NormalizeOp>(*impl_, {x}); }

void Graph::output(std::string name, Value value) {
  value_of(*impl_, value, "output");
  for (const auto& [other, id] : impl_->outputs) {
    if (other == name) {
      invalid(fmt::format("[output] {}: the graph already has an output of this name", name));
    }
  }
  impl_->outputs.emplace_back(std::move(name), value.id);
}

std::int64_t Graph::cols(Value value) const { return value_of(*impl_, value, "cols").info.cols; }

RowSpace Graph::rows(Value value) const { return {value_of(*impl_, value, "rows").info.rows}; }

}  // namespace weft
