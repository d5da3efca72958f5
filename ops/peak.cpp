#include "ops/peak.h"

#include <algorithm>
#include <chrono>
#include <vector>

#include "ops/buffer.h"
#include "ops/gemm/peak_loops.h"
#include "ops/simd/kernels.h"

namespace weft {
namespace {

constexpr std::size_t kReadBytes = std::size_t{32} << 20;  // per thread
constexpr int kRounds = 8;  // the best round counts: neighbours on the machine only ever slow one

struct Measurement {
  const simd::Kernels* kernels;
  gemm::PeakLoop product_loop;
  float* buffer;
  Barrier barrier;
  std::vector<double> flops, product_flops, bytes;  // per round, all threads together
  std::vector<float> sinks;

  void run(int thread, int threads) noexcept {
    const auto arithmetic = [&](std::vector<double>& rates, const auto& loop) {
      for (int round = 0; round < kRounds; ++round) {
        barrier.wait(threads);
        const auto begin = std::chrono::steady_clock::now();
        const double done = loop();
        barrier.wait(threads);
        if (thread == 0) rates[round] = done * threads / seconds_since(begin);
      }
    };
    constexpr std::int64_t kSteps = std::int64_t{1} << 20;
    arithmetic(flops, [&] { return kernels->multiply_add_loop(kSteps, &sinks[thread * 16]); });
    if (product_loop != nullptr) {
      arithmetic(product_flops, [&] { return product_loop(kSteps / 8, &sinks[thread * 16]); });
    }
    const std::int64_t n = kReadBytes / sizeof(float);
    float* own = buffer + thread * n;
    std::fill(own, own + n, 1.0f);
    for (int round = 0; round < kRounds; ++round) {
      barrier.wait(threads);
      const auto begin = std::chrono::steady_clock::now();
      kernels->read_loop(own, n, &sinks[thread * 16]);
      barrier.wait(threads);
      if (thread == 0) {
        bytes[round] = static_cast<double>(kReadBytes) * threads / seconds_since(begin);
      }
    }
  }

  static double seconds_since(std::chrono::steady_clock::time_point begin) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  }
};

}  // namespace

Peak measure_peak(Isa isa, ComputeType dtype, Team& team, int threads) {
  threads = std::clamp(threads, 1, team.size());
  Buffer buffer(kReadBytes * static_cast<std::size_t>(threads));
  Measurement measurement{simd::kernels(isa),
                          gemm::peak_loop(isa, dtype),
                          buffer.f32(),
                          {},
                          std::vector<double>(kRounds),
                          std::vector<double>(kRounds),
                          std::vector<double>(kRounds),
                          std::vector<float>(static_cast<std::size_t>(threads) * 16)};
  team.run(threads, {[](void* self, int thread, int running) noexcept {
                       static_cast<Measurement*>(self)->run(thread, running);
                     },
                     &measurement});
  const auto best = [](const std::vector<double>& rates) {
    return *std::max_element(rates.begin(), rates.end());
  };
  const double flops = best(measurement.flops);
  return {flops, measurement.product_loop == nullptr ? flops : best(measurement.product_flops),
          best(measurement.bytes)};
}

}  // namespace weft
