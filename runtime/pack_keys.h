// What the packed memory of a model depends on, part by part: how a packed cache knows again that a
// file's bytes are those that compiling would give.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "runtime/model_impl.h"
#include "runtime/weight_origin.h"

namespace weft {

struct PackKeys {
  std::uint64_t model = 0;           // of all parts, and of level, backend and dtype
  std::vector<std::uint64_t> nodes;  // of a node's operator; computed from constants alone: of what
                                     // it computes. 0: not known
  std::vector<std::uint64_t> values;                         // likewise, of constants
  std::vector<std::shared_ptr<const WeightOrigin>> origins;  // of all their weights, each once
};

/// `model` has its row spaces, values, level, backend and dtype; `nodes` are not yet compiled.
/// Reads samples of the weights: throws what Weight::fingerprint throws.
PackKeys find_pack_keys(const Model::Impl& model, const std::vector<GraphNode>& nodes);

}  // namespace weft
