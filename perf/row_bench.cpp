// The row operators at the widths of real models, for every level of this machine: a row that stays
// in L1, and 32 MB of rows, which come from beyond L2.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <functional>
#include <memory>
#include <vector>

#include "ops/activation.h"
#include "ops/layer_norm.h"
#include "ops/simd/kernels.h"
#include "ops/softmax.h"
#include "perf/op_timing.h"

namespace weft {
namespace {

constexpr std::int64_t kManyElements = std::int64_t{8} << 20;

using MakeOp = std::function<std::unique_ptr<Op>()>;

void add_bench(const char* name, Isa isa, std::int64_t cols, const Roof& roof,
               const MakeOp& make_op) {
  for (const std::int64_t count : {std::int64_t{1}, kManyElements / cols}) {
    benchmark::RegisterBenchmark(
        fmt::format("{}/{}/{}x{}", name, to_string(isa), count, cols).c_str(),
        [=](benchmark::State& state) {
          const Rows rows(1, count);
          time_op(state, *make_op(), isa, roof, {{&rows, cols}}, {{&rows, cols}});
        });
  }
}

void add_all(Isa isa, std::int64_t cols, const Roof& roof) {
  add_bench("softmax", isa, cols, roof, [] { return std::make_unique<SoftmaxOp>(); });
  add_bench("layer_norm", isa, cols, roof, [cols] {
    static const std::vector<float> values = random_values(4096);
    const Weight vector = Weight::from_memory("w", {cols}, values.data());
    return std::make_unique<LayerNormOp>(vector, vector, 1e-12f);
  });
  for (const Activation activation :
       {Activation::kGelu, Activation::kGeluTanh, Activation::kSilu, Activation::kTanh}) {
    add_bench(to_string(activation), isa, cols, roof,
              [activation] { return std::make_unique<ActivationOp>(activation); });
  }
}

}  // namespace
}  // namespace weft

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  for (const weft::Isa isa : weft::available_isas()) {
    if (weft::simd::kernels(isa)->isa != isa) continue;  // the kernels of a lower level
    const weft::Roof roof = weft::measure_roof(isa);
    for (const std::int64_t cols : {384, 768, 1536, 3072}) weft::add_all(isa, cols, roof);
  }
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
