#include "runtime/plan.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <numeric>

#include "weft/error.h"

namespace weft {
namespace {

constexpr std::size_t kLine = 64;
// A block's activations and a slice of packed weights share the L2 cache; fewer rows than this and
// the weights, read once per block, come too often from L3. 72 against 48: two blocks instead of
// four for 128 rows on two threads, 12 % faster on Cascade Lake (MiniLM, f32).
constexpr std::int64_t kFewestBlockRows = 72;
constexpr std::int64_t kMostBlockRows = 192;
constexpr std::int64_t kBlockRowGrain = 12;

std::size_t round_up(std::size_t size) { return (size + kLine - 1) / kLine * kLine; }

std::size_t checked_bytes(std::int64_t rows, std::int64_t stride) {
  std::int64_t elements = 0;
  if (__builtin_mul_overflow(rows, stride, &elements) || elements > (std::int64_t{1} << 46)) {
    throw Error(Reason::kResourceExhausted,
                fmt::format("[session] {} rows of {} elements are more than can be addressed", rows,
                            stride));
  }
  return round_up(static_cast<std::size_t>(elements) * 4);
}

std::size_t l2_bytes() {
  const long size = sysconf(_SC_LEVEL2_CACHE_SIZE);
  return size > 0 ? static_cast<std::size_t>(size) : std::size_t{1} << 20;
}

class Planner {
 public:
  Planner(const Model::Impl& model, const SessionLimits& limits) : model_(model), limits_(limits) {
    plan_.values.resize(model.values.size());
    plan_.spaces_used.assign(model.spaces.size(), 0);
    for (std::size_t i = 0; i < model.spaces.size(); ++i) {
      limits_of_.push_back(limits_of(model, limits, static_cast<std::int32_t>(i)));
    }
    keys_of_.assign(model.values.size(), -1);
    for (const GraphNode& node : model.nodes) {
      for (std::int32_t id : node.out) {
        if (model.values[id].info.per_key) keys_of_[id] = model.values[node.in[1]].info.rows;
      }
    }
    first_stage_.assign(model.values.size(), -1);
    last_stage_.assign(model.values.size(), -1);
    is_output_.assign(model.values.size(), 0);
  }

  Plan make(const std::vector<std::string>& outputs) {
    mark_needed(outputs);
    cut_into_stages();
    note_uses();
    place();
    return std::move(plan_);
  }

 private:
  void mark_needed(const std::vector<std::string>& outputs) {
    needed_.assign(model_.values.size(), 0);
    for (const std::string& name : outputs) {
      const auto found = std::find_if(model_.outputs.begin(), model_.outputs.end(),
                                      [&](const auto& output) { return output.first == name; });
      if (found == model_.outputs.end()) {
        throw Error(Reason::kInvalidArgument,
                    fmt::format("[session] output {}: the model has none of this name", name));
      }
      const std::int32_t base = model_.base_of(found->second);
      needed_[base] = 1;
      is_output_[base] = 1;
      use_space(model_.values[base].info.rows);
    }
    node_needed_.assign(model_.nodes.size(), 0);
    for (std::size_t i = model_.nodes.size(); i-- > 0;) {
      const GraphNode& node = model_.nodes[i];
      if (!std::any_of(node.out.begin(), node.out.end(), [&](auto id) { return needed_[id]; })) {
        continue;
      }
      node_needed_[i] = 1;
      needed_[node.out[0]] = 1;  // an op always computes its first output
      for (std::int32_t id : node.in) needed_[model_.base_of(id)] = 1;
      for (std::int32_t id : node.in) use_space(model_.values[id].info.rows);
      for (std::int32_t id : node.out) use_space(model_.values[id].info.rows);
    }
  }

  void use_space(std::int32_t space) {
    plan_.spaces_used[space] = 1;
    if (model_.spaces[space].ragged >= 0) plan_.spaces_used[model_.spaces[space].ragged] = 1;
  }

  void cut_into_stages() {
    for (std::size_t i = 0; i < model_.nodes.size(); ++i) {
      if (!node_needed_[i]) continue;
      const GraphNode& node = model_.nodes[i];
      const std::int32_t space = model_.values[node.out[0]].info.rows;
      const bool row_wise = node.op->row_wise();
      const bool continues = row_wise && !plan_.stages.empty() &&
                             plan_.stages.back().kind == Stage::Kind::kChain &&
                             plan_.stages.back().space == space && !reads_whole(node, space);
      if (!continues) {
        plan_.stages.push_back({row_wise ? Stage::Kind::kChain : Stage::Kind::kMixing, space, {}});
      }
      plan_.stages.back().nodes.push_back(static_cast<std::int32_t>(i));
      for (std::int32_t id : node.out) first_stage_[id] = stage();
    }
  }

  // A row-wise node may read values of other row spaces whole (matmul's right side): those must be
  // finished before the chain begins.
  bool reads_whole(const GraphNode& node, std::int32_t space) const {
    for (std::size_t i = 0; i < node.in.size(); ++i) {
      const std::int32_t base = model_.base_of(node.in[i]);
      const bool whole = model_.values[base].info.rows != space || node.op->reads_whole(i);
      if (whole && first_stage_[base] == stage()) return true;
    }
    return false;
  }

  std::int32_t stage() const { return static_cast<std::int32_t>(plan_.stages.size()) - 1; }

  void note_uses() {
    for (std::size_t s = 0; s < plan_.stages.size(); ++s) {
      for (std::int32_t n : plan_.stages[s].nodes) {
        for (std::int32_t id : model_.nodes[n].in) {
          last_stage_[model_.base_of(id)] = static_cast<std::int32_t>(s);
        }
      }
    }
  }

  // Within a stage only the nodes of one block are alive: lifetimes there are node positions.
  void place() {
    std::vector<Interval> arena, block;
    std::vector<std::int32_t> arena_values, block_values;
    std::vector<std::size_t> chain_bytes(plan_.stages.size(), 0);  // per row, shared values
    std::int64_t step = 0;
    std::vector<std::int64_t> first_step(model_.values.size(), 0), last_step = first_step;
    for (const Stage& s : plan_.stages) {
      for (std::int32_t n : s.nodes) {
        for (std::int32_t id : model_.nodes[n].out) first_step[id] = last_step[id] = step;
        for (std::int32_t id : model_.nodes[n].in) last_step[model_.base_of(id)] = step;
        ++step;
      }
    }
    for (std::size_t id = 0; id < model_.values.size(); ++id) {
      const ValueNode& value = model_.values[id];
      Placement& placement = plan_.values[id];
      if (value.kind == ValueNode::Kind::kView || needed_[id] == 0) continue;
      if (model_.constants[id].data != nullptr) {
        placement.kind = Placement::Kind::kConstant;
        continue;
      }
      if (value.kind == ValueNode::Kind::kInput) {
        placement.kind = Placement::Kind::kInput;
        continue;
      }
      const std::int64_t rows = limits_of_[value.info.rows].tokens;
      if (value.kind == ValueNode::Kind::kState) {
        if (rows == 0) {
          throw Error(Reason::kInvalidArgument,
                      fmt::format("[session] limits.spaces: expected the rows of {}, found none",
                                  model_.spaces[value.info.rows].name));
        }
        placement.kind = Placement::Kind::kArena;
        placement.stride = row_stride(value.info.cols);
        arena.push_back({0, static_cast<std::int64_t>(plan_.stages.size()),
                         checked_bytes(rows, placement.stride)});
        arena_values.push_back(static_cast<std::int32_t>(id));
        continue;
      }
      const std::int32_t made = first_stage_[id];
      placement.stride = value.info.per_key ? value.info.cols * limits_of_[keys_of_[id]].longest
                                            : row_stride(value.info.cols);
      const bool in_block = plan_.stages[made].kind == Stage::Kind::kChain && !is_output_[id] &&
                            last_stage_[id] <= made;
      if (in_block) {
        placement.kind = Placement::Kind::kBlock;
        block.push_back({first_step[id], last_step[id], checked_bytes(1, placement.stride)});
        block_values.push_back(static_cast<std::int32_t>(id));
      } else {
        placement.kind = Placement::Kind::kArena;
        const auto end = is_output_[id] ? plan_.stages.size() : std::max(made, last_stage_[id]);
        arena.push_back(
            {made, static_cast<std::int64_t>(end), checked_bytes(rows, placement.stride)});
        arena_values.push_back(static_cast<std::int32_t>(id));
      }
    }
    const Layout arena_layout = lay_out(arena);
    for (std::size_t i = 0; i < arena.size(); ++i) {
      plan_.values[arena_values[i]].offset = arena_layout.offsets[i];
    }
    plan_.arena_bytes = arena_layout.total;
    const Layout block_layout = lay_out(block);
    for (std::size_t i = 0; i < block.size(); ++i) {
      plan_.values[block_values[i]].offset = block_layout.offsets[i];
    }
    size_blocks(block_layout.total);
  }

  void size_blocks(std::size_t bytes_per_row) {
    const std::size_t fitting = l2_bytes() / 2 / std::max<std::size_t>(bytes_per_row, kLine);
    plan_.block_rows = std::clamp<std::int64_t>(static_cast<std::int64_t>(fitting),
                                                kFewestBlockRows, kMostBlockRows);
    plan_.block_rows -= plan_.block_rows % kBlockRowGrain;
    plan_.block_bytes =
        checked_bytes(plan_.block_rows, static_cast<std::int64_t>(bytes_per_row / sizeof(float)));
    for (std::size_t i = 0; i < model_.nodes.size(); ++i) {
      if (!node_needed_[i]) continue;
      Limits op_limits{plan_.block_rows, 0, limits_.threads};
      for (std::int32_t id : model_.nodes[i].in) {
        const RowLimits& rows = limits_of_[model_.values[id].info.rows];
        op_limits.longest = std::max(op_limits.longest, rows.longest);
      }
      plan_.scratch_bytes =
          std::max(plan_.scratch_bytes, round_up(model_.nodes[i].op->scratch_bytes(op_limits)));
    }
  }

  const Model::Impl& model_;
  const SessionLimits& limits_;
  Plan plan_;
  std::vector<char> needed_, node_needed_, is_output_;  // per value, per node, per value
  std::vector<std::int32_t> first_stage_, last_stage_;  // per value; -1: none
  std::vector<RowLimits> limits_of_;                    // per row space
  std::vector<std::int32_t> keys_of_;                   // per-key values: the row space of the keys
};

}  // namespace

Layout lay_out(std::span<const Interval> intervals) {
  Layout layout;
  layout.offsets.resize(intervals.size());
  std::vector<std::size_t> order(intervals.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return intervals[a].size > intervals[b].size;
  });
  std::vector<std::size_t> placed;  // by rising offset
  for (std::size_t i : order) {
    std::size_t offset = 0;
    for (std::size_t j : placed) {
      const bool together =
          intervals[i].begin <= intervals[j].end && intervals[j].begin <= intervals[i].end;
      if (!together) continue;
      if (offset + intervals[i].size <= layout.offsets[j]) break;
      offset = std::max(offset, layout.offsets[j] + intervals[j].size);
    }
    layout.offsets[i] = offset;
    layout.total = std::max(layout.total, offset + intervals[i].size);
    placed.insert(std::upper_bound(placed.begin(), placed.end(), i,
                                   [&](std::size_t a, std::size_t b) {
                                     return layout.offsets[a] < layout.offsets[b];
                                   }),
                  i);
  }
  return layout;
}

RowLimits limits_of(const Model::Impl& model, const SessionLimits& limits, std::int32_t space) {
  const RowSpaceNode& node = model.spaces[space];
  if (node.kind == RowSpaceNode::Kind::kFixed)
    return {{space}, node.fixed_rows, 1, node.fixed_rows};
  if (node.kind == RowSpaceNode::Kind::kSequences) {
    const std::int64_t sequences = limits_of(model, limits, node.ragged).sequences;
    return {{space}, sequences, sequences, 1};
  }
  for (const RowLimits& own : limits.spaces) {
    if (own.rows.id != space) continue;
    return {{space},
            own.tokens,
            own.sequences,
            own.longest == 0 ? own.tokens : std::min(own.longest, own.tokens)};
  }
  if (node.kind == RowSpaceNode::Kind::kState) return {{space}, 0, 1, 0};
  return {{space}, limits.tokens, limits.sequences, limits.longest};
}

Plan make_plan(const Model::Impl& model, const SessionLimits& limits,
               const std::vector<std::string>& outputs) {
  return Planner(model, limits).make(outputs);
}

}  // namespace weft
