#include "runtime/pack_keys.h"

#include <algorithm>

#include "runtime/checksum.h"

namespace weft {
namespace {

// Never 0.
std::uint64_t key_of(const Checksum& sum) { return std::max<std::uint64_t>(sum.value(), 1); }

void add_origins(const PackKey& key, PackKeys& keys) {
  std::vector<std::shared_ptr<const WeightOrigin>> found;
  for (const Weight& weight : key.weights()) weight.add_origins(found);
  for (auto& origin : found) {
    if (std::find(keys.origins.begin(), keys.origins.end(), origin) == keys.origins.end()) {
      keys.origins.push_back(std::move(origin));
    }
  }
}

// The text's checksum, or 0.
std::uint64_t take(const PackKey& key, PackKeys& keys) {
  if (!key.known()) return 0;
  add_origins(key, keys);
  return key_of(Checksum().add(key.text()));
}

// The key of a node computed from constants, given its operator's; 0 if an input's is not known.
std::uint64_t with_inputs(std::uint64_t op, const GraphNode& node, const Model::Impl& model,
                          const PackKeys& keys) {
  Checksum sum;
  sum.add(op);
  for (const std::int32_t id : node.in) {
    const ValueNode& value = model.values[id];
    const std::uint64_t input = keys.values[model.base_of(id)];
    if (op == 0 || input == 0) return 0;
    sum.add(input).add(static_cast<std::uint64_t>(value.first_col));
    sum.add(static_cast<std::uint64_t>(value.info.cols));
  }
  return key_of(sum);
}

}  // namespace

PackKeys find_pack_keys(const Model::Impl& model, const std::vector<GraphNode>& nodes) {
  PackKeys keys;
  keys.values.resize(model.values.size());
  std::vector<bool> constant(model.values.size());
  for (std::size_t id = 0; id < model.values.size(); ++id) {
    if (model.values[id].kind != ValueNode::Kind::kConstant) continue;
    constant[id] = true;
    keys.values[id] = take(PackKey().add("constant").add(model.values[id].weight), keys);
  }
  for (const GraphNode& node : nodes) {
    PackKey key;
    node.op->describe(make_compile_context(model.isa, model.gemm, model.dtype_of(node)), key);
    std::uint64_t number = take(key, keys);
    const bool folded = std::all_of(node.in.begin(), node.in.end(), [&](std::int32_t id) {
      return constant[static_cast<std::size_t>(model.base_of(id))];
    });
    if (folded) {
      number = with_inputs(number, node, model, keys);
      std::uint64_t i = 0;
      for (const std::int32_t id : node.out) {
        constant[static_cast<std::size_t>(id)] = true;
        keys.values[id] = number == 0 ? 0 : key_of(Checksum().add(number).add(i++));
      }
    }
    keys.nodes.push_back(number);
  }
  Checksum all;
  all.add(to_string(model.isa)).add(to_string(model.gemm)).add(to_string(model.dtype));
  for (const std::uint64_t key : keys.values) all.add(key);
  for (const std::uint64_t key : keys.nodes) all.add(key);
  keys.model = key_of(all);
  return keys;
}

}  // namespace weft
