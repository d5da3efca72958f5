// Timing of one operator on one thread, shared by the benchmarks: its rows, and beside its time
// GFLOP/s, GB/s and the share of the roof that the same run measured.
#pragma once

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "ops/buffer.h"
#include "ops/op.h"
#include "weft/model.h"
#include "weft/profile.h"

namespace weft {

/// What one core can do at most: the arithmetic of f32, or that of which products in a dtype are
/// made (dot products, tiles), and the stream bandwidth.
struct Roof {
  double flops_per_second = 0;
  double bytes_per_second = 0;

  /// The least time that the work takes. Its bytes are counted as if they came from beyond L2, so
  /// what stays in a cache may be faster.
  double seconds(const Work& work) const {
    return std::max(work.flops / flops_per_second, work.bytes / bytes_per_second);
  }
};

/// Takes about 0.2 s, and tells the result in the head of the output.
inline Roof measure_roof(Isa isa, ComputeType dtype = ComputeType::kF32) {
  const MachinePeak peak = measure_peak(isa, 1, dtype);
  const Roof roof{peak.product_flops_per_second, peak.bytes_per_second};
  benchmark::AddCustomContext(
      fmt::format("roof {} {}", to_string(isa), to_string(dtype)),
      fmt::format("{:.1f} GFLOP/s, {:.1f} GB/s, one core", roof.flops_per_second * 1e-9,
                  roof.bytes_per_second * 1e-9));
  return roof;
}

/// Times run(), which does `work`. Rates are by CPU time, as neighbours take time from a core.
template <typename Run>
void time_work(benchmark::State& state, const Work& work, const Roof& roof, const Run& run) {
  const std::clock_t begin = std::clock();
  for (auto _ : state) {
    run();
    benchmark::ClobberMemory();
  }
  const double seconds = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC /
                         static_cast<double>(state.iterations());
  state.counters["GFLOP/s"] = work.flops * 1e-9 / seconds;
  state.counters["GB/s"] = work.bytes * 1e-9 / seconds;
  state.counters["%peak"] = 100 * work.flops / roof.flops_per_second / seconds;
  state.counters["%roof"] = 100 * roof.seconds(work) / seconds;
}

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

/// Normally distributed; they repeat after 65 536.
inline void fill_random(float* values, std::int64_t n) {
  constexpr std::int64_t kDifferent = 1 << 16;
  std::mt19937 engine(1);
  std::normal_distribution<float> normal;
  for (std::int64_t i = 0; i < n; ++i) {
    values[i] = i < kDifferent ? normal(engine) : values[i - kDifferent];
  }
}
inline std::vector<float> random_values(std::int64_t n) {
  std::vector<float> values(static_cast<std::size_t>(n));
  fill_random(values.data(), n);
  return values;
}

/// An input or output of an operator.
struct OpMatrix {
  const Rows* rows;
  std::int64_t cols;
};

/// Inputs in matrices of their own, or as columns of one, as a fused projection leaves them.
enum class InputLayout : std::uint8_t { kApart, kSideBySide };

/// Times the compiled operator on random inputs. An output beyond `outputs` is not asked for.
inline void time_op(benchmark::State& state, const Op& recipe, Isa isa, const Roof& roof,
                    const std::vector<OpMatrix>& inputs, const std::vector<OpMatrix>& outputs,
                    InputLayout layout = InputLayout::kApart) {
  const std::unique_ptr<Op> op = recipe.compile(make_compile_context(isa, GemmBackend::kNative));
  std::vector<Buffer> buffers;
  const auto new_matrix = [&](std::int64_t rows, std::int64_t cols) {
    buffers.emplace_back(static_cast<std::size_t>(rows * cols) * sizeof(float));
    fill_random(buffers.back().f32(), rows * cols);
    return Tensor{buffers.back().f32(), rows, cols, cols};
  };
  std::vector<Tensor> in, out;
  std::vector<RowsView> views;
  std::int64_t longest = 0;
  if (layout == InputLayout::kSideBySide) {
    std::int64_t cols = 0;
    for (const OpMatrix& input : inputs) cols += input.cols;
    const Tensor all = new_matrix(inputs[0].rows->rows(), cols);
    std::int64_t first = 0;
    for (const OpMatrix& input : inputs) {
      in.push_back(all.col_block(first, input.cols));
      first += input.cols;
    }
  } else {
    for (const OpMatrix& input : inputs) in.push_back(new_matrix(input.rows->rows(), input.cols));
  }
  for (const OpMatrix& input : inputs) {
    views.push_back(input.rows->view());
    longest = std::max(longest, input.rows->length);
  }
  for (const OpMatrix& output : outputs) {
    out.push_back(new_matrix(output.rows->rows(), output.cols));
  }
  out.resize(2);
  const Buffer scratch(op->scratch_bytes({.block_rows = in[0].rows, .longest = longest}));
  RunContext run;
  run.in = in;
  run.out = out;
  run.in_rows = views;
  run.scratch = scratch.data();
  run.end = op->row_wise() ? out[0].cols : op->items(run);
  time_work(state, op->work(run), roof, [&] { op->run(run); });
  state.counters["MB scratch"] = static_cast<double>(scratch.size()) * 1e-6;
}

}  // namespace weft
