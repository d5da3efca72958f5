// Additive attention, kernel regression and GRU on one thread: rates by the flops that the
// operators count.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <string>
#include <vector>

#include "ops/additive_attention.h"
#include "ops/gru.h"
#include "ops/kernel_regression.h"
#include "perf/op_timing.h"

namespace weft {
namespace {

void additive(benchmark::State& state, Isa isa, std::int64_t width, const Roof& roof) {
  const Rows rows(8, 64);
  const std::vector<float> w = random_values(width);
  time_op(state, AdditiveAttentionOp({.weights = Weight::from_memory("w", {width}, w.data())}), isa,
          roof, {{&rows, width}, {&rows, width}, {&rows, width}}, {{&rows, width}});
}

void regression(benchmark::State& state, Isa isa, std::int64_t keys, std::int64_t queries,
                std::int64_t cols, const Roof& roof) {
  const Rows query_rows(1, queries), key_rows(1, keys);
  time_op(state, KernelRegressionOp({.q_cols = cols, .v_cols = cols}), isa, roof,
          {{&query_rows, cols}, {&key_rows, cols}, {&key_rows, cols}}, {{&query_rows, cols}});
}

void gru(benchmark::State& state, Isa isa, std::int64_t sequences, std::int64_t size,
         const Roof& roof) {
  const Rows rows(sequences, 32);
  const std::vector<float> w = random_values(3 * size * size);
  time_op(state, GruOp({Weight::from_memory("w", {3 * size, size}, w.data()), {}}, 1), isa, roof,
          {{&rows, 3 * size}}, {{&rows, size}});
}

template <typename Function>
void add(const std::string& name, Function function) {
  benchmark::RegisterBenchmark(name.c_str(), function)->Unit(benchmark::kMicrosecond);
}

void add_all(Isa isa, const Roof& roof) {
  const std::string level(to_string(isa));
  for (const std::int64_t width : {64, 256}) {
    add(fmt::format("additive/{}/width_{}/8x64", level, width),
        [=](benchmark::State& state) { additive(state, isa, width, roof); });
  }
  for (const std::int64_t cols : {1, 16}) {
    add(fmt::format("kernel_regression/{}/cols_{}/1024x10000", level, cols),
        [=](benchmark::State& state) { regression(state, isa, 10000, 1024, cols, roof); });
  }
  for (const std::int64_t sequences : {1, 16, 64}) {
    add(fmt::format("gru/{}/size_256/{}x32", level, sequences),
        [=](benchmark::State& state) { gru(state, isa, sequences, 256, roof); });
  }
}

}  // namespace
}  // namespace weft

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  for (const weft::Isa isa : weft::available_isas()) {
    if (isa > weft::Isa::kAvx512) continue;  // the kernels are avx512's
    const weft::Roof roof = weft::measure_roof(isa);
    weft::add_all(isa, roof);
    if (isa != weft::Isa::kAvx512) continue;
    weft::add("kernel_regression/avx512/cols_1/10000x1000000", [=](benchmark::State& state) {
      weft::regression(state, isa, 1000000, 10000, 1, roof);
    });
  }
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
