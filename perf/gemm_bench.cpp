// Products of real models' shapes, native against oneDNN, at every level of this machine; one core.
// The weights are read from L3 as in a whole model: each run takes the next of enough copies.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <fstream>
#include <map>
#include <random>
#include <sstream>

#include "ops/gemm/product.h"
#include "ops/isa.h"
#include "perf/op_timing.h"

namespace weft {
namespace {

constexpr std::int64_t kColdBytes = std::int64_t{48} << 20;
constexpr std::int64_t kRows[] = {8, 16, 32, 48, 64, 96, 128};

struct Shape {
  std::string name;
  std::int64_t in = 0;
  std::int64_t out = 0;
  Activation activation = Activation::kNone;
};

std::vector<Shape> read_shapes(const std::string& model) {
  std::ifstream file(std::string(WEFT_SHAPES) + "/" + model + ".txt");
  std::vector<Shape> shapes;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    Shape shape;
    std::string activation;
    std::istringstream(line) >> shape.name >> shape.in >> shape.out >> activation;
    shape.name = model + "/" + shape.name;
    if (activation == "gelu") shape.activation = Activation::kGelu;
    shapes.push_back(shape);
  }
  return shapes;
}

std::int64_t bytes_of(ComputeType dtype) {
  return dtype == ComputeType::kF32 ? 4 : dtype == ComputeType::kBf16 ? 2 : 1;
}

// Rows as the executor lays them out: an odd number of cache lines apart.
std::int64_t stride_of(std::int64_t cols) { return ((cols + 15) / 16 | 1) * 16; }

void run(benchmark::State& state, const Shape& shape, std::int64_t rows, Isa isa,
         GemmBackend backend, ComputeType dtype, const Roof& roof) {
  std::vector<float> values(static_cast<std::size_t>(shape.in * shape.out));
  std::mt19937 engine(1);
  for (float& value : values) value = static_cast<float>(engine() % 1000) * 1e-4f - 0.05f;
  const ProductPart part{Weight::from_memory("w", {shape.out, shape.in}, values.data()),
                         Weight::from_memory("b", {shape.out}, values.data())};
  std::vector<std::unique_ptr<Product>> copies;
  for (std::int64_t bytes = 0; bytes < kColdBytes;
       bytes += shape.in * shape.out * bytes_of(dtype)) {
    copies.push_back(make_product(backend, isa, dtype, {part}, shape.activation));
  }
  const auto floats = [](std::int64_t n, std::int64_t stride) {
    return Buffer(static_cast<std::size_t>(n * stride) * sizeof(float));
  };
  const Buffer a = floats(rows, stride_of(shape.in));
  const Buffer c = floats(rows, stride_of(shape.out));
  for (std::int64_t i = 0; i < rows * stride_of(shape.in); ++i) a.f32()[i] = values[i % 1000];
  const Buffer scratch(copies[0]->scratch_bytes(rows) + 1);
  ProductCall call;
  call.a = {a.data(), rows, shape.in, stride_of(shape.in)};
  call.c = {c.data(), rows, shape.out, stride_of(shape.out)};
  call.last_col = shape.out;
  call.scratch = scratch.data();
  for (const auto& product : copies) product->run(call);
  // Activations stay in cache and count as well, as in LinearOp::work().
  const Work work{.flops = 2.0 * static_cast<double>(rows * shape.in * shape.out),
                  .bytes = static_cast<double>(shape.in * shape.out * bytes_of(dtype) +
                                               4 * rows * (shape.in + shape.out))};
  std::size_t next = 0;
  time_work(state, work, roof, [&] { copies[next++ % copies.size()]->run(call); });
  state.SetLabel(copies[0]->kernel());
}

void add(const Shape& shape, std::int64_t rows, Isa isa, GemmBackend backend, ComputeType dtype,
         const Roof& roof) {
  const std::string level = backend == GemmBackend::kNative ? to_string(isa) : "onednn";
  const std::string name =
      fmt::format("{}/rows:{}/{}/{}", shape.name, rows, level, to_string(dtype));
  benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) {
    run(state, shape, rows, isa, backend, dtype, roof);
  });
}

}  // namespace
}  // namespace weft

int main(int argc, char** argv) {
  using namespace weft;
  benchmark::Initialize(&argc, argv);
  constexpr ComputeType kDtypes[] = {ComputeType::kF32, ComputeType::kBf16, ComputeType::kInt8};
  std::map<Isa, std::map<ComputeType, Roof>> roofs;
  for (Isa isa : kIsas) {
    if (!isa_available(isa)) continue;
    for (ComputeType dtype : kDtypes) roofs[isa][dtype] = measure_roof(isa, dtype);
  }
  const auto best = roofs.rbegin();
  for (const char* model : {"minilm", "bert-base"}) {
    for (const Shape& shape : read_shapes(model)) {
      for (std::int64_t rows : kRows) {
        for (const auto& [isa, of_dtype] : roofs) {
          for (const auto& [dtype, roof] : of_dtype) {
            if (!product_available(GemmBackend::kNative, dtype)) continue;
            if (dtype == ComputeType::kF32 && isa > Isa::kAvx512) continue;  // kAvx512's kernels
            add(shape, rows, isa, GemmBackend::kNative, dtype, roof);
          }
        }
        add(shape, rows, best->first, GemmBackend::kOneDnn, ComputeType::kF32,
            best->second.at(ComputeType::kF32));
      }
    }
  }
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
