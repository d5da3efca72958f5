#include "runtime/execute.h"

#include <algorithm>
#include <chrono>

#include "runtime/profile_recorder.h"

namespace weft {
namespace {

// With fewer rows than this for each thread, a block no longer pays for reading all the weights.
constexpr std::int64_t kFewRowsPerThread = 32;

struct Block {
  std::int64_t first = 0;
  std::int64_t rows = 0;
  std::byte* memory = nullptr;  // of block values
};

class Execution {
 public:
  Execution(const Model::Impl& model, const Plan& plan, RunState& state)
      : model_(model), plan_(plan), state_(state) {}

  void run(int thread, int threads) noexcept {
    for (std::size_t s = 0; s < plan_.stages.size(); ++s) {
      const Stage& stage = plan_.stages[s];
      if (thread == 0) look_at_stop(s);
      if (stage.kind == Stage::Kind::kMixing) {
        run_items(stage, s, thread, threads);
      } else if (threads > 1 && few_rows(stage, threads)) {
        run_columns(stage, thread, threads);
      } else {
        run_blocks(stage, s, thread, threads);
      }
      barrier_.wait(threads);
      if (stopped_at_.load(std::memory_order_acquire) == static_cast<std::int64_t>(s)) return;
    }
  }

  RunResult result() const noexcept { return result_; }

 private:
  // Thread 0 decides during stage s, the others learn it after the barrier that ends stage s: a
  // thread that is late at that barrier cannot mistake a later decision for this one.
  void look_at_stop(std::size_t s) noexcept {
    const StopCondition& stop = state_.stop;
    if (stop.cancel != nullptr && stop.cancel->load(std::memory_order_relaxed)) {
      result_ = RunResult::kCancelled;
    } else if (stop.deadline && std::chrono::steady_clock::now() >= *stop.deadline) {
      result_ = RunResult::kDeadlineExceeded;
    } else {
      return;
    }
    stopped_at_.store(static_cast<std::int64_t>(s), std::memory_order_release);
  }

  bool few_rows(const Stage& stage, int threads) const noexcept {
    const std::int64_t rows = state_.rows[stage.space];
    return rows <= plan_.block_rows && rows < kFewRowsPerThread * threads;
  }

  void run_items(const Stage& stage, std::size_t s, int thread, int threads) noexcept {
    const std::int32_t n = stage.nodes[0];
    RunContext context = bind(n, nullptr, thread);
    context.threads = threads;
    const std::int64_t items = model_.nodes[n].op->items(context);
    const std::int64_t grab = std::max<std::int64_t>(1, items / (threads * 32));
    while (true) {
      context.begin = state_.counters[s].fetch_add(grab, std::memory_order_relaxed);
      if (context.begin >= items) return;
      context.end = std::min(items, context.begin + grab);
      call(n, context, thread);
    }
  }

  void run_blocks(const Stage& stage, std::size_t s, int thread, int threads) noexcept {
    const std::int64_t rows = state_.rows[stage.space];
    if (rows == 0) return;
    // As few blocks as fit, a multiple of the threads, of nearly equal size.
    std::int64_t blocks = (rows + plan_.block_rows - 1) / plan_.block_rows;
    blocks = (blocks + threads - 1) / threads * threads;
    const std::int64_t block_rows = (rows + blocks - 1) / blocks;
    while (true) {
      const std::int64_t first =
          state_.counters[s].fetch_add(1, std::memory_order_relaxed) * block_rows;
      if (first >= rows) return;
      const Block block{first, std::min(block_rows, rows - first), state_.blocks[thread]};
      for (std::int32_t n : stage.nodes) {
        RunContext context = bind(n, &block, thread);
        context.end = context.out[0].cols;
        call(n, context, thread);
      }
    }
  }

  // All threads work on one block, which lies in thread 0's memory.
  void run_columns(const Stage& stage, int thread, int threads) noexcept {
    const std::int64_t rows = state_.rows[stage.space];
    if (rows == 0) return;
    const Block whole{0, rows, state_.blocks[0]};
    for (std::size_t i = 0; i < stage.nodes.size(); ++i) {
      const std::int32_t n = stage.nodes[i];
      const std::int64_t grain = model_.nodes[n].op->column_grain();
      if (grain > 0) {
        RunContext context = bind(n, &whole, thread);
        const std::int64_t cols = context.out[0].cols;
        const std::int64_t parts = (cols + grain - 1) / grain;
        context.begin = parts * thread / threads * grain;
        context.end = std::min(cols, parts * (thread + 1) / threads * grain);
        if (context.begin < context.end) call(n, context, thread);
      } else {
        const std::int64_t first = rows * thread / threads;
        const Block part{first, rows * (thread + 1) / threads - first, whole.memory};
        if (part.rows > 0) {
          RunContext context = bind(n, &part, thread, Share::kPart);
          context.end = context.out[0].cols;
          call(n, context, thread);
        }
      }
      if (i + 1 < stage.nodes.size()) barrier_.wait(threads);
    }
  }

  // Whether a block's own values hold just its rows or, shared by all threads, every row.
  enum class Share : std::uint8_t { kOwn, kPart };

  Tensor bind_value(std::int32_t id, const Block* block, bool whole, Share share) const noexcept {
    const ValueNode& value = model_.values[id];
    const std::int32_t base = model_.base_of(id);
    Tensor tensor = state_.values[base];
    if (tensor.data == nullptr && plan_.values[base].kind != Placement::Kind::kBlock) return tensor;
    if (plan_.values[base].kind == Placement::Kind::kBlock) {
      tensor.data =
          block->memory + plan_.values[base].offset * static_cast<std::size_t>(plan_.block_rows);
      if (share == Share::kPart) {
        tensor = tensor.row_block(block->first, block->rows);
      } else {
        tensor.rows = block->rows;
      }
    } else if (block != nullptr && !whole) {
      tensor = tensor.row_block(block->first, block->rows);
    }
    return value.kind == ValueNode::Kind::kView ? tensor.col_block(value.first_col, value.info.cols)
                                                : tensor;
  }

  RunContext bind(std::int32_t n, const Block* block, int thread,
                  Share share = Share::kOwn) const noexcept {
    const GraphNode& node = model_.nodes[n];
    RunState::Binding& binding = state_.bindings[thread];
    const std::int32_t space = model_.values[node.out[0]].info.rows;
    for (std::size_t i = 0; i < node.in.size(); ++i) {
      const std::int32_t rows = model_.values[node.in[i]].info.rows;
      binding.in[i] =
          bind_value(node.in[i], block, rows != space || node.op->reads_whole(i), share);
      binding.in_rows[i] = state_.views[rows];
    }
    for (std::size_t i = 0; i < node.out.size(); ++i) {
      binding.out[i] = bind_value(node.out[i], block, false, share);
    }
    RunContext context;
    context.in = {binding.in.data(), node.in.size()};
    context.out = {binding.out.data(), node.out.size()};
    context.in_rows = {binding.in_rows.data(), node.in.size()};
    context.out_rows = state_.views[space];
    context.scratch = state_.scratch[thread];
    return context;
  }

  void call(std::int32_t n, const RunContext& context, int thread) noexcept {
    const Op& op = *model_.nodes[n].op;
    if (state_.profile == nullptr) {
      op.run(context);
      return;
    }
    const std::int64_t begin = ProfileRecorder::now_ns();
    op.run(context);
    state_.profile->add(thread, n, begin, ProfileRecorder::now_ns(), op.work(context));
  }

  const Model::Impl& model_;
  const Plan& plan_;
  RunState& state_;
  Barrier barrier_;
  std::atomic<std::int64_t> stopped_at_{-1};
  RunResult result_ = RunResult::kDone;  // written by thread 0 only
};

}  // namespace

RunResult execute(const Model::Impl& model, const Plan& plan, RunState& state, Team& team,
                  int threads) noexcept {
  for (auto& counter : state.counters) counter.store(0, std::memory_order_relaxed);
  Execution execution(model, plan, state);
  team.run(threads, {[](void* self, int thread, int size) noexcept {
                       static_cast<Execution*>(self)->run(thread, size);
                     },
                     &execution});
  return execution.result();
}

}  // namespace weft
