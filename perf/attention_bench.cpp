// The attention op on one thread: GFLOP/s (4 T T d per head) at the lengths and head sizes of real
// models, on one sequence that stays in cache and on 4096 tokens that do not.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <numeric>
#include <random>
#include <vector>

#include "ops/attention.h"
#include "ops/buffer.h"
#include "weft/model.h"
#include "weft/profile.h"

namespace weft {
namespace {

constexpr std::int64_t kHeads = 12;

struct Shape {
  std::int64_t length, head_size, sequences;
};

// q, k and v side by side, as one fused projection leaves them.
void run_attention(benchmark::State& state, Isa isa, Shape shape, double peak) {
  const std::int64_t cols = kHeads * shape.head_size;
  const std::int64_t stride = 3 * cols;
  const std::int64_t rows = shape.length * shape.sequences;
  std::vector<std::int32_t> offsets(static_cast<std::size_t>(shape.sequences + 1));
  std::vector<std::int32_t> order(static_cast<std::size_t>(shape.sequences));
  for (std::size_t i = 0; i < offsets.size(); ++i) {
    offsets[i] = static_cast<std::int32_t>(static_cast<std::int64_t>(i) * shape.length);
  }
  std::iota(order.begin(), order.end(), 0);
  const Buffer qkv(static_cast<std::size_t>(rows * stride) * sizeof(float));
  const Buffer context(static_cast<std::size_t>(rows * cols) * sizeof(float));
  std::mt19937 engine(1);
  std::normal_distribution<float> normal;
  for (std::int64_t i = 0; i < rows * stride; ++i) qkv.f32()[i] = normal(engine);

  const auto op = AttentionOp({.heads = kHeads, .q_cols = cols, .v_cols = cols})
                      .compile(make_compile_context(isa, GemmBackend::kNative));
  const Tensor in[] = {{qkv.f32(), rows, cols, stride},
                       {qkv.f32() + cols, rows, cols, stride},
                       {qkv.f32() + 2 * cols, rows, cols, stride}};
  const Tensor out[] = {{context.f32(), rows, cols, cols}, {}};
  const RowsView view{offsets, order, shape.length};
  const RowsView views[] = {view, view, view};
  const Buffer scratch(op->scratch_bytes({.longest = shape.length}));
  RunContext run;
  run.in = in;
  run.out = out;
  run.in_rows = views;
  run.scratch = scratch.data();
  run.end = op->items(run);
  const double flops = op->work(run).flops;
  for (auto _ : state) {
    op->run(run);
    benchmark::ClobberMemory();
  }
  using benchmark::Counter;
  state.counters["flop/s"] = Counter(flops, Counter::kIsIterationInvariantRate);
  state.counters["%peak"] = Counter(100 * flops / peak, Counter::kIsIterationInvariantRate);
}

}  // namespace
}  // namespace weft

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  for (const weft::Isa isa : weft::available_isas()) {
    const double peak = weft::measure_peak(isa, 1).flops_per_second;
    for (const std::int64_t head_size : {32, 64}) {
      for (const std::int64_t length : {16, 32, 45, 128, 512}) {
        for (const std::int64_t sequences : {std::int64_t{1}, 4096 / length}) {
          const weft::Shape shape{length, head_size, sequences};
          benchmark::RegisterBenchmark(
              fmt::format("attention/{}/head_{}/{}x{}", weft::to_string(isa), head_size, sequences,
                          length)
                  .c_str(),
              [=](benchmark::State& state) { weft::run_attention(state, isa, shape, peak); });
        }
      }
    }
  }
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
