#include "runtime/visible_keys.h"

#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

#include "ops/attention.h"
#include "runtime/graph_impl.h"
#include "weft/error.h"

namespace weft {
namespace {

[[noreturn]] void unsupported(std::string_view source, const std::string& found) {
  throw Error(
      Reason::kUnsupported,
      fmt::format("{}: query_expansion: tokens that others do not see (attend false): {} is "
                  "not supported",
                  source, found));
}

}  // namespace

void limit_keys(ModelGraph& model, std::string_view source) {
  Graph::Impl& graph = model.graph.impl();
  if (model.mask_erases_tokens) {
    unsupported(source, "an architecture whose attention mask also erases the masked tokens");
  }
  const Value lengths =
      model.graph.input_ids(kKeyLengthsInput, model.graph.sequence_rows(model.tokens));
  graph.values[lengths.id].lengths_of = model.tokens.id;
  for (GraphNode& node : graph.nodes) {
    // What gives a row per sequence, or per fixed row, shows tokens nothing of each other.
    if (node.op->row_wise() || graph.values[node.out[0]].info.rows != model.tokens.id) continue;
    const auto* attention = dynamic_cast<const AttentionOp*>(node.op.get());
    if (attention == nullptr || attention->parameters().lengths_input >= 0) {
      unsupported(source, std::string(node.op->name()));
    }
    AttentionParameters parameters = attention->parameters();
    parameters.lengths_input = static_cast<int>(node.in.size());
    parameters.lengths_per = LengthsPer::kSequence;
    node.in.push_back(lengths.id);
    auto limited = std::make_unique<AttentionOp>(std::move(parameters));
    std::vector<Value> in;
    for (const std::int32_t id : node.in) in.push_back({id});
    limited->infer(infos_of(graph, in, limited->name()));
    node.op = std::move(limited);
  }
}

}  // namespace weft
