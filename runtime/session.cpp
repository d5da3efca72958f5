#include "weft/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "ops/buffer.h"
#include "runtime/execute.h"
#include "runtime/profile_recorder.h"
#include "weft/error.h"

namespace weft {
namespace {

[[noreturn]] void invalid(const std::string& message) {
  throw Error(Reason::kInvalidArgument, message);
}

[[noreturn]] void beyond(const std::string& message) { throw Error(Reason::kOutOfRange, message); }

SessionLimits checked(SessionLimits limits) {
  const auto require = [](std::string_view name, std::int64_t value) {
    if (value < 1 || value > INT32_MAX) {
      invalid(
          fmt::format("[session] limits.{}: expected 1 to {}, found {}", name, INT32_MAX, value));
    }
  };
  if (limits.threads == 0) limits.threads = default_threads();
  require("tokens", limits.tokens);
  require("sequences", limits.sequences);
  require("longest", limits.longest);
  require("threads", limits.threads);
  limits.longest = std::min(limits.longest, limits.tokens);
  return limits;
}

/// All outputs but attention weights, which are as large as tokens * longest.
std::vector<std::string> default_outputs(const Model::Impl& model) {
  std::vector<std::string> names;
  for (const auto& [name, value] : model.outputs) {
    if (!model.values[value].info.per_key) names.push_back(name);
  }
  return names;
}

}  // namespace

struct Session::Impl {
  std::shared_ptr<const Model> model;
  SessionLimits limits;
  Plan plan;
  Buffer memory;
  std::unique_ptr<Team> team;
  int threads = 1;
  Profile* profile = nullptr;
  RunState state;
  std::vector<std::vector<std::int32_t>> by_length;      // per ragged row space
  std::vector<std::int32_t> counting;                    // 0, 1, 2, ...: offsets of single rows
  std::vector<std::vector<std::int32_t>> fixed_offsets;  // per row space

  const Model::Impl& compiled() const { return model->impl(); }

  Impl(std::shared_ptr<const Model> compiled_model, const SessionLimits& asked,
       std::vector<std::string> outputs)
      : model(std::move(compiled_model)), limits(checked(asked)) {
    const Model::Impl& m = compiled();
    plan = make_plan(m, limits, outputs.empty() ? default_outputs(m) : outputs);
    memory = Buffer(plan.total_bytes(limits.threads));
    team = Team::create(limits.threads);
    threads = limits.threads;
    bind_memory();

    const std::size_t spaces = m.spaces.size();
    state.rows.assign(spaces, 0);
    state.views.assign(spaces, {});
    by_length.resize(spaces);
    fixed_offsets.resize(spaces);
    counting.resize(static_cast<std::size_t>(limits.sequences) + 1);
    std::iota(counting.begin(), counting.end(), 0);
    for (std::size_t i = 0; i < spaces; ++i) {
      if (m.spaces[i].kind == RowSpaceNode::Kind::kRagged) {
        by_length[i].resize(static_cast<std::size_t>(limits.sequences));
      } else if (m.spaces[i].kind == RowSpaceNode::Kind::kFixed) {
        const auto n = static_cast<std::int32_t>(m.spaces[i].fixed_rows);
        fixed_offsets[i] = {0, n};
        state.rows[i] = n;
        state.views[i] = {fixed_offsets[i], {counting.data(), 1}, n};
      }
    }
  }

  void bind_memory() {
    const Model::Impl& m = compiled();
    std::byte* next = memory.data() + plan.arena_bytes;
    std::size_t widest = 1;
    for (const GraphNode& node : m.nodes) {
      widest = std::max({widest, node.in.size(), node.out.size()});
    }
    for (int thread = 0; thread < limits.threads; ++thread) {
      state.blocks.push_back(next);
      next += plan.block_bytes;
      state.scratch.push_back(next);
      next += plan.scratch_bytes;
      state.bindings.push_back({std::vector<Tensor>(widest), std::vector<Tensor>(widest),
                                std::vector<RowsView>(widest)});
    }
    state.counters = std::vector<std::atomic<std::int64_t>>(plan.stages.size());
    state.values.resize(m.values.size());
    for (std::size_t id = 0; id < m.values.size(); ++id) {
      const Placement& placement = plan.values[id];
      const ValueInfo& info = m.values[id].info;
      if (placement.kind == Placement::Kind::kConstant) {
        state.values[id] = m.constants[id];
        continue;
      }
      Tensor& tensor = state.values[id];
      tensor = {nullptr, 0, info.cols, placement.stride, info.dtype};
      if (placement.kind == Placement::Kind::kInput) tensor.stride = info.cols;
      if (placement.kind == Placement::Kind::kArena) {
        tensor.data = memory.data() + placement.offset;
      }
    }
  }

  void set_rows(std::span<const RaggedRows> rows);
  void check_sequences() const;
  void set_ragged(const RaggedRows& given);
  void set_inputs(std::span<const Input> inputs);
  void check_ids(const ValueNode& value, std::span<const std::int32_t> ids) const;
  void check_lengths(const ValueNode& value, std::span<const std::int32_t> lengths) const;
};

void Session::Impl::set_ragged(const RaggedRows& given) {
  const RowSpaceNode& space = compiled().spaces[given.rows.id];
  const std::span<const std::int32_t> offsets = given.offsets;
  if (offsets.empty() || offsets[0] != 0) {
    invalid(fmt::format("[run] offsets of {}: expected to begin with 0, found {}", space.name,
                        offsets.empty() ? "none" : std::to_string(offsets[0])));
  }
  const auto sequences = static_cast<std::int64_t>(offsets.size()) - 1;
  if (sequences > limits.sequences) {
    beyond(fmt::format("[run] {}: expected at most {} sequences, found {}", space.name,
                       limits.sequences, sequences));
  }
  std::int64_t longest = 0;
  for (std::int64_t i = 0; i < sequences; ++i) {
    const std::int64_t length = static_cast<std::int64_t>(offsets[i + 1]) - offsets[i];
    if (length < 1) {
      invalid(fmt::format("[run] offsets of {}: expected to rise, found {} after {} at sequence {}",
                          space.name, offsets[i + 1], offsets[i], i));
    }
    if (length > limits.longest) {
      beyond(
          fmt::format("[run] {}: expected at most {} rows in a sequence, found {} in sequence {}",
                      space.name, limits.longest, length, i));
    }
    longest = std::max(longest, length);
  }
  if (offsets.back() > limits.tokens) {
    beyond(fmt::format("[run] {}: expected at most {} rows, found {}", space.name, limits.tokens,
                       offsets.back()));
  }
  std::vector<std::int32_t>& order = by_length[given.rows.id];
  std::copy(counting.begin(), counting.begin() + sequences, order.begin());
  std::sort(order.begin(), order.begin() + sequences, [&](std::int32_t a, std::int32_t b) {
    const std::int32_t length_a = offsets[a + 1] - offsets[a];
    const std::int32_t length_b = offsets[b + 1] - offsets[b];
    return length_a != length_b ? length_a > length_b : a < b;
  });
  state.rows[given.rows.id] = offsets.back();
  state.views[given.rows.id] = {
      offsets, {order.data(), static_cast<std::size_t>(sequences)}, longest};
}

void Session::Impl::set_rows(std::span<const RaggedRows> rows) {
  const Model::Impl& m = compiled();
  for (std::size_t i = 0; i < m.spaces.size(); ++i) {
    if (m.spaces[i].kind != RowSpaceNode::Kind::kRagged) continue;
    const auto given = std::find_if(rows.begin(), rows.end(), [&](const RaggedRows& r) {
      return r.rows.id == static_cast<std::int32_t>(i);
    });
    if (given == rows.end()) {
      invalid(fmt::format("[run] offsets of {}: expected, found none", m.spaces[i].name));
    }
    set_ragged(*given);
  }
  for (std::size_t i = 0; i < m.spaces.size(); ++i) {
    if (m.spaces[i].kind != RowSpaceNode::Kind::kSequences) continue;
    const std::int64_t n = state.views[m.spaces[i].ragged].sequences();
    state.rows[i] = n;
    state.views[i] = {{counting.data(), static_cast<std::size_t>(n) + 1},
                      {counting.data(), static_cast<std::size_t>(n)},
                      n > 0 ? 1 : 0};
  }
}

/// Attention pairs sequence i of its queries with sequence i of its keys.
void Session::Impl::check_sequences() const {
  const Model::Impl& m = compiled();
  for (const GraphNode& node : m.nodes) {
    if (node.op->row_wise()) continue;
    const std::int32_t first = m.values[node.in[0]].info.rows;
    for (std::int32_t id : node.in) {
      const std::int32_t other = m.values[id].info.rows;
      if (m.spaces[other].kind == RowSpaceNode::Kind::kFixed) continue;  // shared by all sequences
      if (state.views[other].sequences() == state.views[first].sequences()) continue;
      invalid(fmt::format("[run] {}: expected as many sequences in {} as in {}, found {} and {}",
                          node.op->name(), m.spaces[other].name, m.spaces[first].name,
                          state.views[other].sequences(), state.views[first].sequences()));
    }
  }
}

void Session::Impl::check_ids(const ValueNode& value, std::span<const std::int32_t> ids) const {
  if (value.id_limit == 0) return;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] < 0 || ids[i] >= value.id_limit) {
      beyond(fmt::format("[run] input {}: expected ids from 0 to {}, found {} at row {}",
                         value.name, value.id_limit - 1, ids[i], i));
    }
  }
}

void Session::Impl::check_lengths(const ValueNode& value,
                                  std::span<const std::int32_t> lengths) const {
  if (value.lengths_of < 0) return;
  const RowsView& counted = state.views[value.lengths_of];
  const bool per_sequence =
      compiled().spaces[value.info.rows].kind == RowSpaceNode::Kind::kSequences;
  const std::span<const std::int32_t> rows = state.views[value.info.rows].offsets;
  for (std::int64_t s = 0; s < counted.sequences(); ++s) {
    const std::int32_t most = counted.offsets[s + 1] - counted.offsets[s];
    const std::int64_t begin = per_sequence ? s : rows[s];
    const std::int64_t end = per_sequence ? s + 1 : rows[s + 1];
    for (std::int64_t i = begin; i < end; ++i) {
      if (lengths[i] >= 0 && lengths[i] <= most) continue;
      beyond(fmt::format(
          "[run] input {}: expected lengths from 0 to {}, the rows of sequence {} "
          "in {}, found {} at row {}",
          value.name, most, s, compiled().spaces[value.lengths_of].name, lengths[i], i));
    }
  }
}

void Session::Impl::set_inputs(std::span<const Input> inputs) {
  const Model::Impl& m = compiled();
  for (std::size_t id = 0; id < m.values.size(); ++id) {
    const ValueNode& value = m.values[id];
    if (plan.values[id].kind != Placement::Kind::kInput) continue;
    const auto given = std::find_if(inputs.begin(), inputs.end(),
                                    [&](const Input& input) { return input.name == value.name; });
    if (given == inputs.end())
      invalid(fmt::format("[run] input {}: expected, found none", value.name));
    const bool ids = value.info.dtype == DType::kI32;
    const std::size_t expected =
        static_cast<std::size_t>(state.rows[value.info.rows] * value.info.cols);
    const std::size_t found = ids ? given->i32.size() : given->f32.size();
    if (found != expected) {
      invalid(fmt::format("[run] input {}: expected {} {} values, found {}", value.name, expected,
                          to_string(value.info.dtype), found));
    }
    if (ids) {
      check_ids(value, given->i32);
      check_lengths(value, given->i32);
    }
    // Inputs are only ever read; Tensor has no const form.
    state.values[id].data = ids ? static_cast<void*>(const_cast<std::int32_t*>(given->i32.data()))
                                : static_cast<void*>(const_cast<float*>(given->f32.data()));
  }
}

Session::Session(std::shared_ptr<const Model> model, const SessionLimits& limits,
                 std::vector<std::string> outputs)
    : impl_(std::make_unique<Impl>(std::move(model), limits, std::move(outputs))) {}
Session::~Session() = default;
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;

void Session::run(std::span<const RaggedRows> rows, std::span<const Input> inputs,
                  const StopCondition& stop) {
  Impl& impl = *impl_;
  const Model::Impl& m = impl.compiled();
  impl.set_rows(rows);
  impl.check_sequences();
  impl.set_inputs(inputs);
  for (std::size_t id = 0; id < m.values.size(); ++id) {
    if (impl.plan.values[id].kind == Placement::Kind::kConstant) continue;
    Tensor& tensor = impl.state.values[id];
    tensor.rows = impl.state.rows[m.values[id].info.rows];
  }
  for (const GraphNode& node : m.nodes) {
    for (std::int32_t id : node.out) {
      if (!m.values[id].info.per_key) continue;
      Tensor& tensor = impl.state.values[id];
      tensor.cols =
          m.values[id].info.cols * impl.state.views[m.values[node.in[1]].info.rows].longest;
      tensor.stride = tensor.cols;
    }
  }
  impl.state.stop = stop;
  std::optional<ProfileRecorder> recorder;
  if (impl.profile != nullptr) recorder.emplace(*impl.profile, m, impl.limits.threads);
  impl.state.profile = recorder ? &*recorder : nullptr;
  const RunResult result = execute(m, impl.plan, impl.state, *impl.team, impl.threads);
  if (recorder) recorder->finish();
  if (result == RunResult::kCancelled) throw Error(Reason::kCancelled, "[run] cancelled");
  if (result == RunResult::kDeadlineExceeded) {
    throw Error(Reason::kDeadlineExceeded, "[run] the deadline has passed");
  }
}

Tensor Session::output(std::string_view name) const {
  const Model::Impl& m = impl_->compiled();
  for (const auto& [output, id] : m.outputs) {
    if (output != name) continue;
    const Tensor& tensor = impl_->state.values[m.base_of(id)];
    if (tensor.data == nullptr) break;
    return m.values[id].kind == ValueNode::Kind::kView
               ? tensor.col_block(m.values[id].first_col, m.values[id].info.cols)
               : tensor;
  }
  throw Error(Reason::kInvalidArgument,
              fmt::format("[session] output {}: the session was not planned for it", name));
}

void Session::set_threads(int threads) {
  if (threads < 1 || threads > impl_->limits.threads) {
    invalid(fmt::format("[session] threads: expected 1 to {}, found {}", impl_->limits.threads,
                        threads));
  }
  impl_->threads = threads;
}

void Session::set_profile(Profile* profile) { impl_->profile = profile; }

const SessionLimits& Session::limits() const noexcept { return impl_->limits; }

std::size_t Session::memory_bytes() const noexcept { return impl_->memory.size(); }

std::size_t Session::memory_bytes(const Model& model, const SessionLimits& limits,
                                  std::vector<std::string> outputs) {
  const SessionLimits used = checked(limits);
  return make_plan(model.impl(), used, outputs.empty() ? default_outputs(model.impl()) : outputs)
      .total_bytes(used.threads);
}

}  // namespace weft
