// The functions of Graph in which a row depends on the rows before it in its sequence.
#include <fmt/format.h>

#include "ops/gru.h"
#include "runtime/graph_impl.h"
#include "weft/error.h"

namespace weft {
namespace {

[[noreturn]] void invalid(const std::string& message) {
  throw Error(Reason::kInvalidArgument, message);
}

void check_layer(const GruLayer& layer) {
  for (const Weight* weight : {&layer.weight_ih, &layer.weight_hh}) {
    if (!*weight) invalid("[gru] expected weight_ih and weight_hh, found none");
  }
  if (layer.weight_ih.rows() != layer.weight_hh.rows()) {
    invalid(fmt::format("[gru] expected as many rows in {} as in {}, found {} and {}",
                        layer.weight_ih.name(), layer.weight_hh.name(), layer.weight_ih.rows(),
                        layer.weight_hh.rows()));
  }
}

}  // namespace

GruValues Graph::gru(Value x, const std::vector<GruLayer>& layers,
                     const std::vector<Value>& first_states) {
  const RowSpace rows = this->rows(x);
  if (layers.empty()) invalid("[gru] expected at least 1 layer, found 0");
  if (!first_states.empty() && first_states.size() != layers.size()) {
    invalid(fmt::format("[gru] expected a first state for each of {} layers, found {}",
                        layers.size(), first_states.size()));
  }
  const RowSpace sequences = sequence_rows(rows);
  GruValues result{.states = x, .last = {}};
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const GruLayer& layer = layers[i];
    check_layer(layer);
    std::vector<Value> in{linear(result.states, layer.weight_ih, {.bias = layer.bias_ih})};
    if (!first_states.empty()) in.push_back(first_states[i]);
    const std::vector<Value> out = add_node(
        *impl_, std::make_unique<GruOp>(ProductPart{layer.weight_hh, layer.bias_hh}, sequences.id),
        in);
    result.states = out[0];
    result.last.push_back(out[1]);
  }
  return result;
}

Value Graph::gru_cell(Value x, Value h, const GruLayer& layer) {
  check_layer(layer);
  const Value from_input = linear(x, layer.weight_ih, {.bias = layer.bias_ih});
  const Value from_state = linear(h, layer.weight_hh, {.bias = layer.bias_hh});
  return add_node(*impl_, std::make_unique<GruGatesOp>(), {from_input, from_state, h})[0];
}

}  // namespace weft
