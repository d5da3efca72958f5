// Times generation for perf/generate.py: loads a model, then answers each number on stdin with the
// seconds that writing texts for the first so many sources took.
#include <chrono>
#include <cstdio>
#include <iostream>
#include <span>
#include <string>
#include <vector>

#include "weft/error.h"
#include "weft/generation.h"
#include "weft/safetensors.h"

namespace {

weft::ComputeType dtype_of(const std::string& name) {
  for (const auto dtype :
       {weft::ComputeType::kF32, weft::ComputeType::kBf16, weft::ComputeType::kInt8}) {
    if (name == weft::to_string(dtype)) return dtype;
  }
  throw weft::Error(weft::Reason::kInvalidArgument,
                    "DTYPE: expected f32, bf16 or int8, found " + name);
}

void answer(const weft::Generator& generator, const weft::NamedArrays& inputs) {
  const auto wide = inputs.at("input_ids").values<std::int64_t>();
  const std::vector<std::int32_t> ids(wide.begin(), wide.end());
  const auto offsets = inputs.at("offsets").values<std::int64_t>();
  for (std::size_t sources; std::cin >> sources;) {
    if (sources + 1 > offsets.size()) {
      throw weft::Error(weft::Reason::kOutOfRange, "sources: more than INPUT has");
    }
    const auto tokens = static_cast<std::size_t>(offsets[sources]);
    const auto start = std::chrono::steady_clock::now();
    generator.generate(std::span(ids).first(tokens), offsets.first(sources + 1));
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
    std::printf("%.6f\n", time.count());
    std::fflush(stdout);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr,
                 "usage: weft_generation_bench MODEL_DIR INPUT.safetensors DTYPE THREADS\n");
    return 2;
  }
  try {
    weft::LoadOptions options;
    options.compile.dtype = dtype_of(argv[3]);
    options.limits.threads = std::stoi(argv[4]);
    answer(weft::Generator::load(argv[1], options), weft::read_safetensors(argv[2]));
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "weft_generation_bench: %s\n", error.what());
    return 1;
  }
}
