// What a Graph holds: row spaces, values and nodes as plain vectors, in execution order.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ops/op.h"
#include "weft/graph.h"

namespace weft {

struct RowSpaceNode {
  enum class Kind : std::uint8_t { kRagged, kSequences, kFixed };
  Kind kind = Kind::kRagged;
  std::string name;             // ragged: as declared
  std::int64_t fixed_rows = 0;  // fixed
  std::int32_t ragged = -1;     // sequences: of this space
};

/// A value is an input, a constant, a node's output, or a view of columns of another value.
struct ValueNode {
  enum class Kind : std::uint8_t { kInput, kConstant, kOutput, kView };
  Kind kind = Kind::kOutput;
  ValueInfo info;
  std::string name;              // input: by which a run gives it
  std::int64_t id_limit = 0;     // I32 input: ids lie in [0, id_limit); 0 until a table uses it
  std::int32_t lengths_of = -1;  // I32 input: counts of leading rows, per sequence of this space
  Weight weight;                 // constant
  std::int32_t base = -1;        // view: of this value (never itself a view)
  std::int64_t first_col = 0;    // view
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

}  // namespace weft
