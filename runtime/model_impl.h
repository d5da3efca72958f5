// What a compiled Model holds: ops with packed weights, and constants computed once.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "ops/packed.h"
#include "runtime/graph_impl.h"
#include "weft/model.h"

namespace weft {

struct Model::Impl {
  std::vector<RowSpaceNode> spaces;
  std::vector<ValueNode> values;
  std::vector<GraphNode> nodes;   // compiled; those of constants alone are gone
  std::vector<Tensor> constants;  // per value; data == nullptr: not a constant
  std::vector<Packed> memory;     // what constants point into
  std::vector<std::pair<std::string, std::int32_t>> outputs;
  Isa isa = Isa::kBaseline;
  GemmBackend gemm = GemmBackend::kNative;
  ComputeType dtype = ComputeType::kF32;
  ComputeType attention_dtype = ComputeType::kF32;
  std::size_t packed_bytes = 0;
  CacheReport cache;

  /// Of a node's products: reduced precision pays only where there are many rows.
  ComputeType dtype_of(const GraphNode& node) const {
    return is_ragged(node) ? dtype : ComputeType::kF32;
  }
  ComputeType attention_dtype_of(const GraphNode& node) const {
    return is_ragged(node) ? attention_dtype : ComputeType::kF32;
  }
  bool is_ragged(const GraphNode& node) const {
    return spaces[values[node.out[0]].info.rows].kind == RowSpaceNode::Kind::kRagged;
  }

  /// The value itself, or the one that a view looks into.
  std::int32_t base_of(std::int32_t value) const {
    return values[value].kind == ValueNode::Kind::kView ? values[value].base : value;
  }
};

/// Row stride in elements: whole cache lines, an odd number of them, so that the rows of a tile
/// never fall into the same set of the L1 cache (strides of 1536, 3072 and 4096 bytes do).
inline std::int64_t row_stride(std::int64_t cols) { return ((cols + 15) / 16 | 1) * 16; }

}  // namespace weft
