// ms that a model takes to load (config.json and weights, no tokenizer) with everything in the page
// cache: packed anew, and mapped from a packed cache that the first load writes.
//
//   weft_load_bench MODEL_DIR CACHE_DIR [f32|bf16|int8] [LOADS]
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "weft/error.h"
#include "weft/transformer_model.h"

namespace weft {
namespace {

double load_ms(const std::string& directory, const LoadOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  const auto model = TransformerModel::load(directory, options);
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
      .count();
}

void measure(const char* what, const std::string& directory, const LoadOptions& options,
             int loads) {
  std::vector<double> times;
  for (int i = 0; i < loads; ++i) times.push_back(load_ms(directory, options));
  std::sort(times.begin(), times.end());
  fmt::print("{:<34}median {:7.2f} ms   fastest {:7.2f} ms   slowest {:7.2f} ms\n", what,
             times[times.size() / 2], times.front(), times.back());
}

ComputeType dtype_of(const char* name) {
  for (const ComputeType dtype : {ComputeType::kBf16, ComputeType::kInt8}) {
    if (std::strcmp(name, to_string(dtype)) == 0) return dtype;
  }
  return ComputeType::kF32;
}

}  // namespace
}  // namespace weft

int main(int argc, char** argv) {
  if (argc < 3) {
    fmt::print(stderr, "usage: weft_load_bench MODEL_DIR CACHE_DIR [f32|bf16|int8] [LOADS]\n");
    return 2;
  }
  try {
    weft::LoadOptions packed, cached, verified;
    packed.compile.dtype = weft::dtype_of(argc > 3 ? argv[3] : "f32");
    const int loads = argc > 4 ? std::max(1, std::atoi(argv[4])) : 20;
    cached = packed;
    cached.compile.cache_directory = argv[2];
    verified = cached;
    verified.compile.cache_check = weft::CacheCheck::kPayload;
    weft::measure("packed anew", argv[1], packed, loads);
    weft::measure("first load with the cache", argv[1], cached, 1);
    weft::measure("mapped from the cache", argv[1], cached, loads);
    weft::measure("the same, every byte checked", argv[1], verified, loads);
  } catch (const weft::Error& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
