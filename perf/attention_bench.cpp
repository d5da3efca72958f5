// The attention op on one thread at the lengths and head sizes of real models, on one sequence that
// stays in cache and on 4096 tokens that do not; with DeBERTa-v3's positions (256 buckets up to a
// distance of 512) on one sequence. Flops are 4 T T d per head, with positions 8 T T d.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "ops/attention.h"
#include "perf/op_timing.h"

namespace weft {
namespace {

constexpr std::int64_t kHeads = 12;

struct Shape {
  std::int64_t length, head_size, sequences;
};

void run_attention(benchmark::State& state, Isa isa, Shape shape, const Roof& roof) {
  const std::int64_t cols = kHeads * shape.head_size;
  const Rows rows(shape.sequences, shape.length);
  const OpMatrix matrix{&rows, cols};
  time_op(state, AttentionOp({.heads = kHeads, .q_cols = cols, .v_cols = cols}), isa, roof,
          {matrix, matrix, matrix}, {matrix}, InputLayout::kSideBySide);
}

void run_disentangled(benchmark::State& state, Isa isa, Shape shape, const Roof& roof) {
  const std::int64_t cols = kHeads * shape.head_size;
  const Rows rows(shape.sequences, shape.length);
  AttentionParameters parameters{.heads = kHeads,
                                 .q_cols = cols,
                                 .v_cols = cols,
                                 .position_keys_input = 3,
                                 .position_queries_input = 4,
                                 .position_rows = position_rows("attention", 256, 512)};
  const auto used = static_cast<std::int64_t>(parameters.position_rows.used.size());
  const Rows tables(1, kHeads);
  const OpMatrix matrix{&rows, cols};
  time_op(state, AttentionOp(std::move(parameters)), isa, roof,
          {matrix,
           matrix,
           matrix,
           {&tables, position_columns(PositionForm::kRows, used, shape.head_size)},
           {&tables, position_columns(PositionForm::kPanels, used, shape.head_size)}},
          {matrix});
}

}  // namespace
}  // namespace weft

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  for (const weft::Isa isa : weft::available_isas()) {
    const weft::Roof roof = weft::measure_roof(isa);
    for (const std::int64_t head_size : {32, 64}) {
      for (const std::int64_t length : {16, 32, 45, 128, 512}) {
        for (const std::int64_t sequences : {std::int64_t{1}, 4096 / length}) {
          const weft::Shape shape{length, head_size, sequences};
          benchmark::RegisterBenchmark(
              fmt::format("attention/{}/head_{}/{}x{}", weft::to_string(isa), head_size, sequences,
                          length)
                  .c_str(),
              [=](benchmark::State& state) { weft::run_attention(state, isa, shape, roof); });
        }
      }
    }
  }
  for (const weft::Isa isa : weft::available_isas()) {
    const weft::Roof roof = weft::measure_roof(isa);
    for (const std::int64_t length : {16, 32, 45, 128, 512}) {
      const weft::Shape shape{length, 64, 1};
      benchmark::RegisterBenchmark(
          fmt::format("disentangled/{}/head_64/1x{}", weft::to_string(isa), length).c_str(),
          [=](benchmark::State& state) { weft::run_disentangled(state, isa, shape, roof); });
    }
  }
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
