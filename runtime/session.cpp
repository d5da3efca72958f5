#include "weft/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "runtime/profile_recorder.h"
#include "runtime/session_impl.h"
#include "weft/error.h"

namespace weft {
namespace {

[[noreturn]] void invalid(const std::string& message) {
  throw Error(Reason::kInvalidArgument, message);
}

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
  for (const RowLimits& own : limits.spaces) {
    require(fmt::format("spaces[{}].tokens", own.rows.id), own.tokens);
    require(fmt::format("spaces[{}].sequences", own.rows.id), own.sequences);
    require(fmt::format("spaces[{}].longest", own.rows.id),
            own.longest == 0 ? own.tokens : own.longest);
  }
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

Session::Impl::Impl(std::shared_ptr<const Model> compiled_model, const SessionLimits& asked,
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
  writers.resize(spaces);
  std::int64_t most_sequences = 1;
  for (std::size_t i = 0; i < spaces; ++i) {
    if (plan.spaces_used[i] == 0) continue;
    const RowLimits own = limits_of(m, limits, static_cast<std::int32_t>(i));
    most_sequences = std::max(most_sequences, own.sequences);
  }
  counting.resize(static_cast<std::size_t>(most_sequences) + 1);
  std::iota(counting.begin(), counting.end(), 0);
  for (std::size_t i = 0; i < spaces; ++i) {
    if (plan.spaces_used[i] == 0) continue;
    const RowLimits own = limits_of(m, limits, static_cast<std::int32_t>(i));
    if (m.spaces[i].kind == RowSpaceNode::Kind::kRagged) {
      by_length[i].resize(static_cast<std::size_t>(own.sequences));
    } else if (m.spaces[i].kind == RowSpaceNode::Kind::kState) {
      state.rows[i] = own.tokens;
      writers[i].resize(static_cast<std::size_t>(own.tokens));
    } else if (m.spaces[i].kind == RowSpaceNode::Kind::kFixed) {
      const auto n = static_cast<std::int32_t>(m.spaces[i].fixed_rows);
      fixed_offsets[i] = {0, n};
      state.rows[i] = n;
      state.views[i] = {fixed_offsets[i], {counting.data(), 1}, n};
    }
  }
}

void Session::Impl::bind_memory() {
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
    state.bindings.push_back(
        {std::vector<Tensor>(widest), std::vector<Tensor>(widest), std::vector<RowsView>(widest)});
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
