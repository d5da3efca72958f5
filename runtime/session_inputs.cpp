// What a run is given, checked and bound before anything is computed.
#include <fmt/format.h>

#include <algorithm>

#include "runtime/session_impl.h"
#include "weft/error.h"

namespace weft {
namespace {

[[noreturn]] void invalid(const std::string& message) {
  throw Error(Reason::kInvalidArgument, message);
}

[[noreturn]] void beyond(const std::string& message) { throw Error(Reason::kOutOfRange, message); }

}  // namespace

void Session::Impl::set_ragged(const RaggedRows& given) {
  const RowSpaceNode& space = compiled().spaces[given.rows.id];
  const std::span<const std::int32_t> offsets = given.offsets;
  if (offsets.empty() || offsets[0] != 0) {
    invalid(fmt::format("[run] offsets of {}: expected to begin with 0, found {}", space.name,
                        offsets.empty() ? "none" : std::to_string(offsets[0])));
  }
  const auto sequences = static_cast<std::int64_t>(offsets.size()) - 1;
  const RowLimits most = limits_of(compiled(), limits, given.rows.id);
  if (sequences > most.sequences) {
    beyond(fmt::format("[run] {}: expected at most {} sequences, found {}", space.name,
                       most.sequences, sequences));
  }
  std::int64_t longest = 0;
  for (std::int64_t i = 0; i < sequences; ++i) {
    const std::int64_t length = static_cast<std::int64_t>(offsets[i + 1]) - offsets[i];
    if (length < 1) {
      invalid(fmt::format("[run] offsets of {}: expected to rise, found {} after {} at sequence {}",
                          space.name, offsets[i + 1], offsets[i], i));
    }
    if (space.single_rows && length != 1) {
      invalid(fmt::format("[run] {}: expected sequences of 1 row, found {} in sequence {}",
                          space.name, length, i));
    }
    if (length > most.longest) {
      beyond(
          fmt::format("[run] {}: expected at most {} rows in a sequence, found {} in sequence {}",
                      space.name, most.longest, length, i));
    }
    longest = std::max(longest, length);
  }
  if (offsets.back() > most.tokens) {
    beyond(fmt::format("[run] {}: expected at most {} rows, found {}", space.name, most.tokens,
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
    if (m.spaces[i].kind != RowSpaceNode::Kind::kRagged || plan.spaces_used[i] == 0) continue;
    const auto given = std::find_if(rows.begin(), rows.end(), [&](const RaggedRows& r) {
      return r.rows.id == static_cast<std::int32_t>(i);
    });
    if (given == rows.end()) {
      invalid(fmt::format("[run] offsets of {}: expected, found none", m.spaces[i].name));
    }
    set_ragged(*given);
  }
  for (std::size_t i = 0; i < m.spaces.size(); ++i) {
    if (m.spaces[i].kind != RowSpaceNode::Kind::kSequences || plan.spaces_used[i] == 0) continue;
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
  for (const Stage& stage : plan.stages) {
    if (stage.kind != Stage::Kind::kMixing) continue;
    const GraphNode& node = m.nodes[stage.nodes[0]];
    const std::int32_t first = m.values[node.in[0]].info.rows;
    for (std::size_t i = 0; i < node.in.size(); ++i) {
      const std::int32_t other = m.values[node.in[i]].info.rows;
      if (m.spaces[other].kind == RowSpaceNode::Kind::kFixed) continue;  // shared by all sequences
      if (node.op->finds_rows(i)) continue;
      if (state.views[other].sequences() == state.views[first].sequences()) continue;
      invalid(fmt::format("[run] {}: expected as many sequences in {} as in {}, found {} and {}",
                          node.op->name(), m.spaces[other].name, m.spaces[first].name,
                          state.views[other].sequences(), state.views[first].sequences()));
    }
  }
}

void Session::Impl::check_ids(const ValueNode& value, std::span<const std::int32_t> ids) const {
  if (value.rows_of >= 0) {
    const std::int64_t rows = state.rows[value.rows_of];
    for (std::size_t i = 0; i < ids.size(); ++i) {
      if (ids[i] >= 0 && ids[i] < rows) continue;
      beyond(fmt::format("[run] input {}: expected rows of {} from 0 to {}, found {} at row {}",
                         value.name, compiled().spaces[value.rows_of].name, rows - 1, ids[i], i));
    }
  }
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

/// A row that is written is listed by its writer alone: otherwise what another reads would depend
/// on which thread comes first.
void Session::Impl::check_appended(const ValueNode& value) {
  const Model::Impl& m = compiled();
  const ValueNode& lists = m.values[value.appended_to];
  const RowsView& listed = state.views[lists.info.rows];
  const std::int32_t* rows = state.values[value.appended_to].i32();
  const std::int32_t* written = state.values[&value - m.values.data()].i32();
  const std::int64_t writes = std::min(state.rows[value.info.rows], listed.sequences());
  std::vector<std::int32_t>& writer = writers[value.rows_of];
  std::int64_t bad_row = -1, bad = 0;
  for (std::int64_t r = 0; r < writes; ++r) {
    if (writer[written[r]] != 0) bad_row = r, bad = written[r];
    writer[written[r]] = static_cast<std::int32_t>(r) + 1;
  }
  for (std::int64_t r = 0; r < writes; ++r) {
    for (std::int64_t i = listed.offsets[r]; i < listed.offsets[r + 1]; ++i) {
      const std::int32_t by = writer[rows[i]];
      if (by != 0 && by != r + 1) bad_row = r, bad = rows[i];
    }
  }
  for (std::int64_t r = 0; r < writes; ++r) writer[written[r]] = 0;
  if (bad_row < 0) return;
  invalid(
      fmt::format("[run] input {}: expected rows that one query alone writes and lists, found "
                  "{} at row {} and elsewhere",
                  value.name, bad, bad_row));
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
  for (std::size_t id = 0; id < m.values.size(); ++id) {
    if (plan.values[id].kind != Placement::Kind::kInput || m.values[id].appended_to < 0) continue;
    check_appended(m.values[id]);
  }
}

}  // namespace weft
