// ns per row of the row kernels at the widths of real models, for every level of this machine.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <cmath>
#include <vector>

#include "ops/simd/kernels.h"
#include "weft/model.h"

namespace weft {
namespace {

struct Row {
  std::vector<float> x, y, gamma, beta;
  explicit Row(std::int64_t n) : x(static_cast<std::size_t>(n)), y(x), gamma(x), beta(x) {
    for (std::size_t i = 0; i < x.size(); ++i) {
      const auto angle = static_cast<float>(i);
      x[i] = 3 * std::sin(1.7f * angle);
      gamma[i] = 1 + 0.1f * std::cos(angle);
      beta[i] = 0.1f * std::sin(angle);
    }
  }
};

template <typename Function>
void add_bench(const char* name, Isa isa, std::int64_t n, Function function) {
  const simd::Kernels* kernels = simd::kernels(isa);
  benchmark::RegisterBenchmark(fmt::format("{}/{}/{}", name, to_string(isa), n).c_str(),
                               [=](benchmark::State& state) {
                                 Row row(n);
                                 for (auto _ : state) {
                                   function(*kernels, row, n);
                                   benchmark::ClobberMemory();
                                 }
                                 state.SetItemsProcessed(state.iterations() * n);
                               });
}

template <Activation kind>
void run_activation(const simd::Kernels& kernels, Row& row, std::int64_t n) {
  kernels.activation(kind, row.x.data(), row.y.data(), n);
}

void register_all(Isa isa, std::int64_t n) {
  add_bench("softmax", isa, n, [](const simd::Kernels& kernels, Row& row, std::int64_t cols) {
    kernels.softmax(row.x.data(), row.y.data(), cols);
  });
  add_bench("layer_norm", isa, n, [](const simd::Kernels& kernels, Row& row, std::int64_t cols) {
    kernels.layer_norm(row.x.data(), row.gamma.data(), row.beta.data(), 1e-12f, row.y.data(), cols);
  });
  add_bench("gelu", isa, n, run_activation<Activation::kGelu>);
  add_bench("gelu_tanh", isa, n, run_activation<Activation::kGeluTanh>);
  add_bench("silu", isa, n, run_activation<Activation::kSilu>);
  add_bench("tanh", isa, n, run_activation<Activation::kTanh>);
}

}  // namespace
}  // namespace weft

int main(int argc, char** argv) {
  for (weft::Isa isa : weft::available_isas()) {
    if (weft::simd::kernels(isa)->isa != isa) continue;  // the kernels of a lower level
    for (std::int64_t n : {384, 768, 1536, 3072}) weft::register_all(isa, n);
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
