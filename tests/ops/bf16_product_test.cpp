// Products in bfloat16 at the level under test; with the baseline and with amx also the tile driver
// over emulated tiles.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <string>

#include "ops/gemm/native_bf16.h"
#include "tests/isa_under_test.h"
#include "tests/ops/emulated_tiles.h"
#include "tests/ops/nearest_bf16.h"
#include "tests/ops/product_run.h"

namespace weft::test {
namespace {

bool rounds_activations() { return isa_under_test() >= Isa::kAvx512Bf16; }

using Maker = std::function<std::unique_ptr<Product>(const Layer&, Activation)>;
struct Candidate {
  std::string name;
  bool rounds;  // activations too
  Maker make;
};

std::vector<Candidate> candidates() {
  std::vector<Candidate> result;
  result.push_back({to_string(isa_under_test()), rounds_activations(),
                    [](const Layer& layer, Activation activation) {
                      return make_product(GemmBackend::kNative, isa_under_test(),
                                          ComputeType::kBf16, layer.parts(), activation);
                    }});
  if (isa_under_test() == Isa::kBaseline || isa_under_test() == Isa::kAmx) {
    result.push_back({"emulated tiles", true, [](const Layer& layer, Activation activation) {
                        return gemm::make_bf16_product(gemm::kBf16KernelsEmulated, layer.parts(),
                                                       activation);
                      }});
  }
  return result;
}

/// The layer and its input as the products see them: rounded.
Layer rounded(Layer layer) {
  for (auto& weights : layer.weights) {
    for (float& weight : weights) weight = static_cast<float>(nearest_bf16(weight));
  }
  return layer;
}
std::vector<float> rounded(std::vector<float> values) {
  for (float& value : values) value = static_cast<float>(nearest_bf16(value));
  return values;
}

// The worst error as a share of what sums in f32 of rounded factors may have.
double worst_share(const Layer& layer, bool rounds, Activation activation,
                   const std::vector<float>& a, const std::vector<float>& c) {
  const Layer seen = rounded(layer);
  const std::vector<float> input = rounds ? rounded(a) : a;
  const auto in = static_cast<std::size_t>(layer.in_features);
  const auto out = static_cast<std::size_t>(layer.out_features());
  double worst = 0;
  std::vector<double> bound;
  for (std::size_t i = 0; i * in < a.size(); ++i) {
    const std::vector<double> expected = seen.row(input.data() + i * in, activation, &bound);
    for (std::size_t j = 0; j < out; ++j) {
      // No activation is steeper than 1.13; its own error is at most 2e-6 on this range.
      const double allowed = 1.13 * bound[j] + 2e-6 * (activation != Activation::kNone);
      const double error = std::abs(c[i * out + j] - expected[j]) / allowed;
      if (!(error <= worst)) worst = error;
    }
  }
  return worst;
}

TEST_CASE("a bf16 product equals the sum of rounded factors in double for every small shape") {
  for (const Candidate& candidate : candidates()) {
    double worst = 0;
    for (std::int64_t in : {1, 2, 3, 7, 31, 32, 33, 63, 64, 67, 130}) {
      for (std::int64_t out : {1, 8, 15, 17, 31, 32, 33, 64, 67}) {
        const Layer layer(in, {out}, static_cast<std::uint32_t>(in * 100 + out));
        const auto product = candidate.make(layer, Activation::kNone);
        for (std::int64_t rows : {1, 2, 6, 13, 15, 16, 17, 31, 32, 33, 35}) {
          const auto a = random_floats(static_cast<std::size_t>(rows * in), 5);
          const double share =
              worst_share(layer, candidate.rounds, Activation::kNone, a, result(*product, a, rows));
          CHECK_MESSAGE(share <= 1, candidate.name, ": ", in, " -> ", out, ", ", rows, " rows");
          worst = std::max(worst, share);
        }
      }
    }
    MESSAGE(candidate.name, ": worst error, share of the bound: ", worst);
  }
}

TEST_CASE("every length of each dimension up to two tiles and three gives the sum in double") {
  for (const Candidate& candidate : candidates()) {
    for (std::int64_t n = 1; n <= 67; ++n) {
      for (const auto& [in, out, rows] :
           {std::array{n, std::int64_t{33}, std::int64_t{17}},
            std::array{std::int64_t{33}, n, std::int64_t{17}},
            std::array{std::int64_t{33}, std::int64_t{17}, n}, std::array{n, n, n}}) {
        const Layer layer(in, {out}, static_cast<std::uint32_t>(n));
        const auto a = random_floats(static_cast<std::size_t>(rows * in), 6);
        const auto c = result(*candidate.make(layer, Activation::kNone), a, rows);
        CHECK_MESSAGE(worst_share(layer, candidate.rounds, Activation::kNone, a, c) <= 1,
                      candidate.name, ": ", in, " -> ", out, ", ", rows, " rows");
      }
    }
  }
}

TEST_CASE("a bf16 product applies every activation to the sum with its bias, over all parts") {
  for (const Candidate& candidate : candidates()) {
    for (Activation activation : kActivations) {
      const Layer layer(96, {40, 27, 50}, 3);
      const auto a = random_floats(96 * 30, 4, 2.0f);
      const auto c = result(*candidate.make(layer, activation), a, 30);
      CHECK_MESSAGE(worst_share(layer, candidate.rounds, activation, a, c) <= 1, candidate.name,
                    ", ", to_string(activation));
    }
  }
}

TEST_CASE("a row of a bf16 product has the same bits whatever rows surround it") {
  for (const Candidate& candidate : candidates()) {
    CAPTURE(candidate.name);
    check_rows_apart(*candidate.make(Layer(130, {75}, 8), Activation::kGelu), 70);
  }
}

TEST_CASE("columns of a bf16 product computed apart have the same bits, nothing else is written") {
  for (const Candidate& candidate : candidates()) {
    CAPTURE(candidate.name);
    check_columns_apart(*candidate.make(Layer(60, {150}, 9), Activation::kTanh), 17);
  }
}

TEST_CASE("a bf16 product touches nothing beyond a, c, the residual and its scratch") {
  for (const Candidate& candidate : candidates()) {
    for (std::int64_t in : {1, 3, 16, 50, 64}) {
      for (std::int64_t out : {1, 7, 31, 32, 35, 65}) {
        const Layer layer(in, {out}, 11);
        const auto product = candidate.make(layer, Activation::kNone);
        for (std::int64_t rows : {1, 2, 5, 15, 16, 20, 33}) {
          check_guarded(*product, random_floats(static_cast<std::size_t>(rows * in), 2),
                        random_floats(static_cast<std::size_t>(rows * out), 2), rows);
        }
      }
    }
  }
}

TEST_CASE("NaN, infinity and the largest numbers stay in their rows of a bf16 product") {
  for (const Candidate& candidate : candidates()) {
    const Layer layer(45, {40}, 12);
    const auto product = candidate.make(layer, Activation::kNone);
    auto a = random_floats(45 * 20, 2);
    const std::vector<float> clean = result(*product, a, 20);
    a[3 * 45 + 44] = NAN;
    a[7 * 45] = -NAN;
    a[11 * 45 + 20] = std::numeric_limits<float>::infinity();
    a[15 * 45 + 2] = std::numeric_limits<float>::max();  // rounds to infinity in bfloat16
    const std::vector<float> c = result(*product, a, 20);
    for (std::size_t i = 0; i < 20; ++i) {
      const float* row = &c[i * 40];
      if (i == 3 || i == 7) {
        for (int j = 0; j < 40; ++j) CHECK(std::isnan(row[j]));
      } else if (i == 11 || (i == 15 && candidate.rounds)) {
        for (int j = 0; j < 40; ++j) CHECK(std::isinf(row[j]));
      } else if (i != 15) {
        CHECK(same_bits(row, &clean[i * 40], 40));
      }
    }
  }
}

TEST_CASE("weights that are bfloat16 already are taken as they are") {
  for (const Candidate& candidate : candidates()) {
    const Layer layer(70, {50}, 14);
    const auto a = random_floats(70 * 9, 2);
    CHECK(result(*candidate.make(layer, Activation::kNone), a, 9) ==
          result(*candidate.make(rounded(layer), Activation::kNone), a, 9));
  }
}

TEST_CASE("activations are rounded to nearest even where the level rounds them") {
  // One weight of 1: the product is the activation as the level sees it.
  Layer layer(1, {1}, 1);
  layer.weights[0][0] = 1;
  layer.biases[0][0] = 0;
  std::vector<float> a;
  for (int low : {0, 1, 0x7fff, 0x8000, 0x8001, 0xffff}) {
    for (int high : {0x3f80, 0x3f81, 0x7f7f, 0xbf80, 0xbf81, 0x0080}) {
      a.push_back(__builtin_bit_cast(float, high << 16 | low));
    }
  }
  const auto rows = static_cast<std::int64_t>(a.size());
  for (const Candidate& candidate : candidates()) {
    const auto c = result(*candidate.make(layer, Activation::kNone), a, rows);
    for (std::size_t i = 0; i < a.size(); ++i) {
      const auto expected = static_cast<float>(candidate.rounds ? nearest_bf16(a[i]) : a[i]);
      CHECK_MESSAGE(c[i] == expected, candidate.name, ": ", a[i]);
    }
  }
}

TEST_CASE("a bf16 product of no rows is no work, and its weights take half the memory of f32") {
  const Layer layer(64, {96}, 1);
  const auto wide = make_product(GemmBackend::kNative, isa_under_test(), ComputeType::kF32,
                                 layer.parts(), Activation::kNone);
  for (const Candidate& candidate : candidates()) {
    const auto product = candidate.make(layer, Activation::kNone);
    run(*product, {nullptr, 0, 64, 64}, {nullptr, 0, 96, 96});
    CHECK(product->packed_bytes() - 96 * 4 == (wide->packed_bytes() - 96 * 4) / 2);
  }
}

TEST_CASE("emulated tiles and the tile registers compute the same bits") {
  if (isa_under_test() != Isa::kAmx) {
    MESSAGE("SKIPPED: the level under test is not amx");
    return;
  }
  const auto both = candidates();
  for (std::int64_t in : {1, 33, 100, 320}) {
    const Layer layer(in, {37, 40}, 31);
    const auto native = both[0].make(layer, Activation::kRelu);
    const auto emulated = both[1].make(layer, Activation::kRelu);
    for (std::int64_t rows : {1, 16, 17, 40}) {
      // From subnormal to huge, so that sums underflow, cancel and overflow.
      auto a = random_floats(static_cast<std::size_t>(rows * in), 3);
      for (std::size_t i = 0; i < a.size(); ++i) {
        a[i] = std::ldexp(a[i], static_cast<int>(i * 37 % 270) - 142);
      }
      const auto c = result(*native, a, rows);
      const auto e = result(*emulated, a, rows);
      REQUIRE(same_bits(c.data(), e.data(), c.size()));
    }
  }
}

}  // namespace
}  // namespace weft::test
