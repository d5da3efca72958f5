#include "ops/attention.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "ops/infer_checks.h"
#include "ops/simd/kernels.h"

namespace weft {
namespace {

// Queries that are not parted: a multiple of every level's block of lanes.
constexpr std::int64_t kQueryGrain = 32;
// What a block costs beside its keys, in keys: transposing the queries, storing the context.
constexpr std::int64_t kBlockOverhead = 8;
// How much more than in f32 an item holds in bf16, which takes less time a flop.
constexpr double kBf16Speed = 4;
constexpr std::int64_t kFewItemsPerThread = 4;

std::int64_t round_up_quotient(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

// A run's work laid out on a line: sequence by sequence, head by head, block of queries by block.
// A block's length on it is its keys + kBlockOverhead.
struct SequenceCost {
  SequenceRows queries, keys;
  std::int64_t blocks;      // of queries, of one head
  std::int64_t block_cost;  // of one block
};

// The most of `keys` that `queries` in a row see.
std::int64_t keys_seen(std::int64_t keys, std::int64_t window, std::int64_t queries) {
  return window > 0 ? std::min(keys, 2 * window + queries) : keys;
}

SequenceCost cost_of(const RunContext& context, std::int64_t sequence, std::int64_t window) {
  SequenceCost cost{rows_of(context.in_rows[0], sequence), rows_of(context.in_rows[1], sequence), 0,
                    0};
  cost.blocks = round_up_quotient(cost.queries.count, kQueryGrain);
  cost.block_cost = keys_seen(cost.keys.count, window, kQueryGrain) + kBlockOverhead;
  return cost;
}

}  // namespace

AttentionOp::AttentionOp(AttentionParameters parameters) : parameters_(std::move(parameters)) {}

std::vector<ValueInfo> AttentionOp::infer(std::span<const ValueInfo> in) const {
  const bool has_bias = parameters_.bias_input >= 0, has_lengths = parameters_.lengths_input >= 0;
  const bool has_keys = parameters_.position_keys_input >= 0;
  const bool has_queries = parameters_.position_queries_input >= 0;
  expect_inputs(name(), in, std::size_t{3} + has_bias + has_lengths + has_keys + has_queries);
  const ValueInfo& q = in[0];
  const ValueInfo& k = in[1];
  const ValueInfo& v = in[2];
  expect_f32_matrix(name(), "q", q);
  expect_f32_matrix(name(), "k", k);
  expect_f32_matrix(name(), "v", v);
  check_sizes(in);
  expect_keys(name(), q, k, v);
  if (has_bias) {
    expect_distance_bias(name(), in[static_cast<std::size_t>(parameters_.bias_input)],
                         parameters_.heads);
  }
  if (has_lengths) {
    expect_key_lengths(name(), in[static_cast<std::size_t>(parameters_.lengths_input)],
                       parameters_.lengths_per, q);
  }
  if (has_keys || has_queries) check_positions(in);
  ValueInfo context = q;
  context.cols = v.cols;
  ValueInfo weights = q;
  weights.cols = parameters_.heads;
  weights.per_key = true;
  return {context, weights};
}

void AttentionOp::check_sizes(std::span<const ValueInfo> in) const {
  const ValueInfo& q = in[0];
  const ValueInfo& k = in[1];
  const ValueInfo& v = in[2];
  const std::int64_t heads = parameters_.heads;
  if (heads < 1) throw_invalid(name(), fmt::format("heads: expected at least 1, found {}", heads));
  if (!std::isfinite(parameters_.scale)) {
    throw_invalid(name(),
                  fmt::format("scale: expected a finite number, found {}", parameters_.scale));
  }
  if (parameters_.window < 0 || parameters_.window > INT32_MAX) {
    throw_invalid(name(), fmt::format("window: expected 0 (none) to {}, found {}", INT32_MAX,
                                      parameters_.window));
  }
  if (q.cols % heads != 0 || v.cols % heads != 0) {
    throw_invalid(name(), fmt::format("expected columns divisible by {} heads, found q with {} and "
                                      "v with {}",
                                      heads, q.cols, v.cols));
  }
  if (q.cols != k.cols) {
    throw_invalid(name(), fmt::format("expected q and k of one head size, found q with {} columns "
                                      "(head size {}), k with {} (head size {})",
                                      q.cols, q.cols / heads, k.cols,
                                      static_cast<double>(k.cols) / static_cast<double>(heads)));
  }
  if (q.cols != parameters_.q_cols || v.cols != parameters_.v_cols) {
    throw_invalid(name(), fmt::format("expected q with {} columns and v with {}, found {} and {}",
                                      parameters_.q_cols, parameters_.v_cols, q.cols, v.cols));
  }
}

void AttentionOp::check_positions(std::span<const ValueInfo> in) const {
  const auto used = static_cast<std::int64_t>(parameters_.position_rows.used.size());
  const auto expect = [&](std::string_view argument, int input, PositionForm form) {
    if (input < 0) return;
    const ValueInfo& table = in[static_cast<std::size_t>(input)];
    expect_f32_matrix(name(), argument, table);
    const std::int64_t cols = position_columns(form, used, qk_size());
    if (table.fixed_rows == parameters_.heads && table.cols == cols) return;
    throw_invalid(name(), fmt::format("{}: expected {} x {}, found {} x {}", argument,
                                      parameters_.heads, cols, table.fixed_rows, table.cols));
  };
  expect("position_keys", parameters_.position_keys_input, PositionForm::kRows);
  expect("position_queries", parameters_.position_queries_input, PositionForm::kPanels);
}

std::unique_ptr<Op> AttentionOp::compile(const CompileContext& context) const {
  auto compiled = std::make_unique<AttentionOp>(parameters_);
  compiled->kernels_ = context.attention;
  if (parameters_.scale == 0) {
    compiled->parameters_.scale = static_cast<float>(1 / std::sqrt(static_cast<double>(qk_size())));
  }
  return compiled;
}

std::size_t AttentionOp::scratch_bytes(const Limits& limits) const {
  const std::int64_t keys = keys_seen(limits.longest, parameters_.window, kernels_->block_queries);
  const bool has_tables =
      parameters_.position_keys_input >= 0 || parameters_.position_queries_input >= 0;
  return kernels_->scratch_bytes(keys, qk_size(), v_size(),
                                 has_tables ? simd::Positions::kTables : simd::Positions::kNone);
}

std::int64_t AttentionOp::total_cost(const RunContext& context) const noexcept {
  std::int64_t total = 0;
  for (std::int64_t sequence = 0; sequence < context.in_rows[0].sequences(); ++sequence) {
    const SequenceCost cost = cost_of(context, sequence, parameters_.window);
    total += parameters_.heads * cost.blocks * cost.block_cost;
  }
  return total;
}

double AttentionOp::total_flops(const RunContext& context) const noexcept {
  double cells = 0;
  for (std::int64_t sequence = 0; sequence < context.in_rows[0].sequences(); ++sequence) {
    const SequenceCost cost = cost_of(context, sequence, parameters_.window);
    cells += static_cast<double>(cost.queries.count) *
             static_cast<double>(keys_seen(cost.keys.count, parameters_.window, 1));
  }
  const double seen = parameters_.keys == KeyRule::kCausal ? 0.5 : 1.0;
  return 2 * seen * cells * static_cast<double>(parameters_.q_cols + parameters_.v_cols);
}

// A query meets as many position rows as it sees keys, if there are so many.
double AttentionOp::position_flops(const RunContext& context) const noexcept {
  const auto used = static_cast<std::int64_t>(parameters_.position_rows.used.size());
  const int terms =
      (parameters_.position_keys_input >= 0) + (parameters_.position_queries_input >= 0);
  double products = 0;
  for (std::int64_t sequence = 0; sequence < context.in_rows[0].sequences(); ++sequence) {
    const SequenceCost cost = cost_of(context, sequence, parameters_.window);
    const std::int64_t keys = keys_seen(cost.keys.count, parameters_.window, 1);
    products += static_cast<double>(cost.queries.count) * static_cast<double>(std::min(keys, used));
  }
  const double seen = parameters_.keys == KeyRule::kCausal ? 0.5 : 1.0;
  return 2 * seen * terms * products * static_cast<double>(parameters_.q_cols);
}

// Without the position terms, which are the cheaper the more queries of a head are together.
std::int64_t AttentionOp::items(const RunContext& context) const {
  const double flops = total_flops(context);
  if (kernels_->name == nullptr) return items_for(flops, context.threads);
  // Each item packs the keys and values of its heads: a head is parted only where there are few.
  const std::int64_t each = std::max(1, context.threads);
  const std::int64_t heads = parameters_.heads * context.in_rows[0].sequences();
  const std::int64_t most = round_up_quotient(std::max(heads, kFewItemsPerThread * each), each);
  return std::min(items_for(flops / kBf16Speed, context.threads), most * each);
}

std::string AttentionOp::kernel() const {
  return kernels_ == nullptr || kernels_->name == nullptr ? "" : kernels_->name;
}

Work AttentionOp::work(const RunContext& context) const {
  const double flops = total_flops(context);
  Work work = work_of_items(context, flops, parameters_.q_cols + parameters_.v_cols);
  if (flops > 0) work.flops *= 1 + position_flops(context) / flops;
  return work;
}

// Every block belongs to the item in whose stretch of the line it begins.
template <typename Visit>
void AttentionOp::for_each_piece(const RunContext& context, Visit visit) const noexcept {
  const std::int64_t total = total_cost(context);
  const std::int64_t item_count = items(context);
  const std::int64_t begin = total * context.begin / item_count;
  const std::int64_t end = total * context.end / item_count;
  std::int64_t position = 0;
  for (std::int32_t sequence : context.in_rows[0].by_length) {
    if (position >= end) return;
    const SequenceCost cost = cost_of(context, sequence, parameters_.window);
    const std::int64_t blocks = parameters_.heads * cost.blocks;
    const auto block_at = [&](std::int64_t place) {
      return std::clamp<std::int64_t>(round_up_quotient(place - position, cost.block_cost), 0,
                                      blocks);
    };
    const std::int64_t last = block_at(end);
    for (std::int64_t block = position < begin ? block_at(begin) : 0; block < last;) {
      const std::int64_t head = block / cost.blocks;
      const std::int64_t head_end = std::min(last, (head + 1) * cost.blocks);
      const std::int64_t first_block = head * cost.blocks;
      visit(Piece{sequence, head, (block - first_block) * kQueryGrain,
                  std::min((head_end - first_block) * kQueryGrain, cost.queries.count)});
      block = head_end;
    }
    position += blocks * cost.block_cost;
  }
}

simd::PositionTables AttentionOp::positions_of(const RunContext& context,
                                               std::int64_t head) const noexcept {
  simd::PositionTables tables{};
  if (parameters_.position_keys_input >= 0) {
    tables.keys = context.in[static_cast<std::size_t>(parameters_.position_keys_input)].f32(head);
  }
  if (parameters_.position_queries_input >= 0) {
    tables.queries =
        context.in[static_cast<std::size_t>(parameters_.position_queries_input)].f32(head);
  }
  tables.rows = parameters_.position_rows.by_distance.data();
  tables.radius = parameters_.position_rows.radius;
  return tables;
}

void AttentionOp::run_piece(const RunContext& context, const Piece& piece) const noexcept {
  const SequenceRows queries = rows_of(context.in_rows[0], piece.sequence);
  const SequenceRows keys = rows_of(context.in_rows[1], piece.sequence);
  const Tensor& out = context.out[0];
  const Tensor& weights = context.out[1];
  const std::int64_t longest = context.in_rows[1].longest;
  const std::int64_t weights_column = piece.head * longest;
  simd::AttentionCall call{};
  call.q = context.in[0].f32(queries.first) + piece.head * qk_size();
  call.k = context.in[1].f32(keys.first) + piece.head * qk_size();
  call.v = context.in[2].f32(keys.first) + piece.head * v_size();
  call.out = out.data == nullptr ? nullptr : out.f32(queries.first) + piece.head * v_size();
  call.q_stride = context.in[0].stride;
  call.k_stride = context.in[1].stride;
  call.v_stride = context.in[2].stride;
  call.out_stride = out.stride;
  call.keys = keys.count;
  call.qk_size = qk_size();
  call.v_size = v_size();
  call.first_query = piece.first_query;
  call.last_query = piece.last_query;
  call.scale = parameters_.scale;
  call.causal = parameters_.keys == KeyRule::kCausal;
  call.query_offset = call.causal ? keys.count - queries.count : 0;
  call.window = parameters_.window;
  if (parameters_.bias_input >= 0) {
    const Tensor& bias = context.in[static_cast<std::size_t>(parameters_.bias_input)];
    call.bias = bias.f32(piece.head);
    call.bias_radius = bias.cols / 2;
  }
  if (parameters_.lengths_input >= 0) {
    const Tensor& lengths = context.in[static_cast<std::size_t>(parameters_.lengths_input)];
    const bool per_query = parameters_.lengths_per == LengthsPer::kQuery;
    const std::int32_t* first = lengths.i32(per_query ? queries.first : piece.sequence);
    // A sequence that is seen whole takes the kernel's way without lengths, at its speed.
    if (per_query || *first < keys.count) {
      call.key_lengths = first;
      call.key_lengths_stride = per_query ? lengths.stride : 0;
    }
  }
  call.positions = positions_of(context, piece.head);
  call.block_keys = keys_seen(keys.count, parameters_.window, kernels_->block_queries);
  call.scratch = context.scratch;
  if (weights.data != nullptr) {
    call.weights = weights.f32(queries.first) + weights_column;
    call.weights_stride = weights.stride;
    for (std::int64_t query = piece.first_query; query < piece.last_query; ++query) {
      std::fill_n(weights.f32(queries.first + query) + weights_column + keys.count,
                  longest - keys.count, 0.0f);
    }
  }
  kernels_->attend(call);
}

void AttentionOp::run(const RunContext& context) const noexcept {
  for_each_piece(context, [&](const Piece& piece) { run_piece(context, piece); });
}

}  // namespace weft
