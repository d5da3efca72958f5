// What a Graph holds: row spaces, values and nodes as plain vectors, in execution order.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ops/op.h"
#include "weft/graph.h"

namespace weft {

struct RowSpaceNode {
  enum class Kind : std::uint8_t { kRagged, kSequences, kFixed, kState };
  Kind kind = Kind::kRagged;
  std::string name;             // ragged: as declared
  std::int64_t fixed_rows = 0;  // fixed
  std::int32_t ragged = -1;     // sequences: of this space
  bool single_rows = false;     // ragged: every sequence is one row
};

/// A value is an input, a constant, a node's output, a matrix that outlives runs, or a view of
/// columns of another value.
struct ValueNode {
  enum class Kind : std::uint8_t { kInput, kConstant, kOutput, kState, kView };
  Kind kind = Kind::kOutput;
  ValueInfo info;
  std::string name;               // input: by which a run gives it
  std::int64_t id_limit = 0;      // I32 input: ids lie in [0, id_limit); 0 until a table uses it
  std::int32_t lengths_of = -1;   // I32 input: counts of leading rows, per sequence of this space
  std::int32_t rows_of = -1;      // I32 input: numbers of rows of this space
  std::int32_t appended_to = -1;  // I32 input: rows written, which only the same sequence of this
                                  // input may list
  Weight weight;                  // constant
  std::int32_t base = -1;         // view: of this value (never itself a view)
  std::int64_t first_col = 0;     // view
};

struct GraphNode {
  std::unique_ptr<Op> op;
  std::vector<std::int32_t> in;
  std::vector<std::int32_t> out;
};

struct Graph::Impl {
  std::vector<RowSpaceNode> spaces;
  std::vector<ValueNode> values;
  std::vector<GraphNode> nodes;
  std::vector<std::pair<std::string, std::int32_t>> outputs;
};

// What the functions of Graph are written with. Each throws Error(kInvalidArgument) "[where] ..."
// for a handle that is not of the graph.

std::int32_t add_space(Graph::Impl& graph, RowSpaceNode space);
std::int32_t add_value(Graph::Impl& graph, ValueNode value);
const RowSpaceNode& space_of(const Graph::Impl& graph, RowSpace rows, const char* where);
const ValueNode& value_of(const Graph::Impl& graph, Value value, std::string_view where);
std::vector<ValueInfo> infos_of(const Graph::Impl& graph, const std::vector<Value>& values,
                                std::string_view where);
/// Appends a node after its op has checked the inputs; the graph is unchanged when that throws.
std::vector<Value> add_node(Graph::Impl& graph, std::unique_ptr<Op> op,
                            const std::vector<Value>& in);
/// Ids that index `entries` rows, among others.
void limit_ids(ValueNode& ids, std::int64_t entries);

}  // namespace weft
