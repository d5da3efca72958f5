// The tile driver in int8 over emulated tiles: what it packs, cuts and finishes, on any machine.
// The level's own int8 products, with which it is compared, are tested against exact integers
// apart.
#include <doctest/doctest.h>

#include <cmath>
#include <memory>

#include "ops/gemm/native_int8.h"
#include "tests/isa_under_test.h"
#include "tests/ops/emulated_tiles.h"
#include "tests/ops/product_run.h"

namespace weft::test {
namespace {

bool asked() { return isa_under_test() == Isa::kBaseline || isa_under_test() == Isa::kAmx; }

std::unique_ptr<Product> on_tiles(const Layer& layer, Activation activation = Activation::kNone) {
  return gemm::make_int8_tile_product(gemm::kInt8KernelsEmulated, layer.parts(), activation);
}

std::unique_ptr<Product> on_level(const Layer& layer) {
  return make_product(GemmBackend::kNative, isa_under_test(), ComputeType::kInt8, layer.parts(),
                      Activation::kNone);
}

TEST_CASE("int8 products on emulated tiles are the level's own for every tail") {
  if (!asked()) return;
  for (std::int64_t in : {1, 3, 4, 63, 64, 65, 127, 130, 387}) {
    for (std::int64_t out : {1, 15, 16, 17, 31, 32, 33, 67}) {
      const Layer layer(in, {out, 5}, static_cast<std::uint32_t>(in * 100 + out));
      const auto tiles = on_tiles(layer);
      const auto level = on_level(layer);
      for (std::int64_t rows : {1, 2, 15, 16, 17, 31, 32, 33, 50}) {
        const auto a = random_floats(static_cast<std::size_t>(rows * in), 5);
        const std::vector<float> c = result(*tiles, a, rows), expected = result(*level, a, rows);
        // Levels without FMA round twice where the others round once.
        for (std::size_t i = 0; i < c.size(); ++i) {
          REQUIRE_MESSAGE(std::abs(c[i] - expected[i]) <= 2e-7f * (1 + std::abs(expected[i])), in,
                          " -> ", out, ", ", rows, " rows: ", i);
        }
      }
    }
  }
}

TEST_CASE("int8 products on emulated tiles apply every activation and the residual") {
  if (!asked()) return;
  const Layer layer(96, {40, 30}, 3);
  const auto a = random_floats(96 * 35, 4), residual = random_floats(70 * 35, 5);
  const std::vector<float> plain = result(*on_level(layer), a, 35);
  for (Activation activation : kActivations) {
    std::vector<float> c(plain.size());
    run(*on_tiles(layer, activation), {const_cast<float*>(a.data()), 35, 96, 96},
        {c.data(), 35, 70, 70}, {const_cast<float*>(residual.data()), 35, 70, 70});
    for (std::size_t i = 0; i < c.size(); ++i) {
      const double expected = activate(activation, double{plain[i]}) + double{residual[i]};
      REQUIRE(std::abs(c[i] - expected) <= 3e-6 * (1 + std::abs(expected)));
    }
  }
}

TEST_CASE("int8 rows and columns on emulated tiles have the same bits wherever they are computed") {
  if (!asked()) return;
  const Layer layer(130, {150}, 9);
  const auto product = on_tiles(layer, Activation::kTanh);
  const auto a = random_floats(130 * 40, 2);
  const std::vector<float> all = result(*product, a, 40);
  for (std::int64_t rows : {1, 7, 16, 17, 33}) {
    const std::vector<float> some(a.end() - rows * 130, a.end());
    const std::vector<float> c = result(*product, some, rows);
    REQUIRE(same_bits(c.data(), all.data() + (40 - rows) * 150, c.size()));
  }
  for (std::int64_t first = 0; first < 150; first += product->column_grain()) {
    const std::int64_t last = std::min<std::int64_t>(first + product->column_grain(), 150);
    GuardedFloats rows(a), c(std::vector<float>(all.size(), kUntouched));
    run(*product, {rows.data(), 40, 130, 130}, {c.data(), 40, 150, 150}, {}, {first, last});
    for (std::int64_t i = 0; i < 40; ++i) {
      for (std::int64_t j = 0; j < 150; ++j) {
        REQUIRE(c[i * 150 + j] == (j >= first && j < last ? all[i * 150 + j] : kUntouched));
      }
    }
  }
}

}  // namespace
}  // namespace weft::test
