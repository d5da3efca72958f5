// Additive attention, kernel regression and GRU on one thread: flop/s as the operators count them,
// and their share of the multiply-add peak of the same run.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "ops/additive_attention.h"
#include "ops/buffer.h"
#include "ops/gru.h"
#include "ops/kernel_regression.h"
#include "weft/model.h"
#include "weft/profile.h"

namespace weft {
namespace {

/// Sequences of one length.
struct Rows {
  std::vector<std::int32_t> offsets, order;
  std::int64_t length;

  Rows(std::int64_t sequences, std::int64_t row_count) : length(row_count) {
    for (std::int64_t i = 0; i <= sequences; ++i) {
      offsets.push_back(static_cast<std::int32_t>(i * length));
    }
    order.resize(static_cast<std::size_t>(sequences));
    std::iota(order.begin(), order.end(), 0);
  }
  std::int64_t rows() const { return offsets.back(); }
  RowsView view() const { return {offsets, order, length}; }
};

std::vector<float> random_values(std::int64_t n) {
  std::mt19937 engine(1);
  std::normal_distribution<float> normal;
  std::vector<float> values(static_cast<std::size_t>(n));
  for (float& value : values) value = normal(engine);
  return values;
}

struct Input {
  const Rows* rows;
  std::int64_t cols;
};

void run_op(benchmark::State& state, const Op& recipe, Isa isa, const std::vector<Input>& inputs,
            const std::vector<Input>& outputs, double peak) {
  const std::unique_ptr<Op> op = recipe.compile(make_compile_context(isa, GemmBackend::kNative));
  std::vector<std::vector<float>> values;
  std::vector<Tensor> in, out;
  std::vector<RowsView> views;
  std::int64_t longest = 0;
  for (const Input& input : inputs) {
    values.push_back(random_values(input.rows->rows() * input.cols));
    in.push_back({values.back().data(), input.rows->rows(), input.cols, input.cols});
    views.push_back(input.rows->view());
    longest = std::max(longest, input.rows->length);
  }
  for (const Input& output : outputs) {
    values.push_back(random_values(output.rows->rows() * output.cols));
    out.push_back({values.back().data(), output.rows->rows(), output.cols, output.cols});
  }
  out.resize(2);
  const Buffer scratch(op->scratch_bytes({.longest = longest}));
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
  state.counters["MB scratch"] = static_cast<double>(scratch.size()) * 1e-6;
}

void additive(benchmark::State& state, Isa isa, std::int64_t width, double peak) {
  const Rows rows(8, 64);
  const std::vector<float> w = random_values(width);
  run_op(state, AdditiveAttentionOp({.weights = Weight::from_memory("w", {width}, w.data())}), isa,
         {{&rows, width}, {&rows, width}, {&rows, width}}, {{&rows, width}}, peak);
}

void regression(benchmark::State& state, Isa isa, std::int64_t keys, std::int64_t queries,
                std::int64_t cols, double peak) {
  const Rows query_rows(1, queries), key_rows(1, keys);
  run_op(state, KernelRegressionOp({.q_cols = cols, .v_cols = cols}), isa,
         {{&query_rows, cols}, {&key_rows, cols}, {&key_rows, cols}}, {{&query_rows, cols}}, peak);
}

void gru(benchmark::State& state, Isa isa, std::int64_t sequences, std::int64_t size, double peak) {
  const Rows rows(sequences, 32);
  const std::vector<float> w = random_values(3 * size * size);
  run_op(state, GruOp({Weight::from_memory("w", {3 * size, size}, w.data()), {}}, 1), isa,
         {{&rows, 3 * size}}, {{&rows, size}}, peak);
}

template <typename Function>
void add(const std::string& name, Function function) {
  benchmark::RegisterBenchmark(name.c_str(), function)->Unit(benchmark::kMicrosecond);
}

void add_all(Isa isa, double peak) {
  const std::string level(to_string(isa));
  for (const std::int64_t width : {64, 256}) {
    add(fmt::format("additive/{}/width_{}/8x64", level, width),
        [=](benchmark::State& state) { additive(state, isa, width, peak); });
  }
  for (const std::int64_t cols : {1, 16}) {
    add(fmt::format("kernel_regression/{}/cols_{}/1024x10000", level, cols),
        [=](benchmark::State& state) { regression(state, isa, 10000, 1024, cols, peak); });
  }
  for (const std::int64_t sequences : {1, 16, 64}) {
    add(fmt::format("gru/{}/size_256/{}x32", level, sequences),
        [=](benchmark::State& state) { gru(state, isa, sequences, 256, peak); });
  }
}

}  // namespace
}  // namespace weft

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  for (const weft::Isa isa : weft::available_isas()) {
    if (isa > weft::Isa::kAvx512) continue;  // the kernels are avx512's
    const double peak = weft::measure_peak(isa, 1).flops_per_second;
    weft::add_all(isa, peak);
    if (isa != weft::Isa::kAvx512) continue;
    weft::add("kernel_regression/avx512/cols_1/10000x1000000", [=](benchmark::State& state) {
      weft::regression(state, isa, 1000000, 10000, 1, peak);
    });
  }
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
