// int8 products against exact integers and against the sum in double. With whole numbers, a 127 or
// -127 in every channel and a span of 255 in every row, all scales are 1 and the result is the
// integer sum.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>

#include "ops/buffer.h"
#include "ops/gemm/kernels_int8.h"
#include "ops/gemm/product.h"
#include "tests/failure.h"
#include "tests/isa_under_test.h"
#include "tests/ops/product_run.h"

namespace weft::test {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::unique_ptr<Product> int8_product(const Layer& layer, Activation activation = Activation::kNone,
                                      Isa isa = isa_under_test()) {
  return make_product(GemmBackend::kNative, isa, ComputeType::kInt8, layer.parts(), activation);
}

enum class Pattern { kRandom, kLargest, kSmallest, kAlternating, kSparse };
constexpr Pattern kPatterns[] = {Pattern::kRandom, Pattern::kLargest, Pattern::kSmallest,
                                 Pattern::kAlternating, Pattern::kSparse};

/// One row of whole numbers in [low, high].
void fill(float* row, std::int64_t depth, int low, int high, Pattern pattern,
          std::mt19937& engine) {
  const auto span = static_cast<std::uint32_t>(high - low + 1);
  for (std::int64_t k = 0; k < depth; ++k) {
    int value = 0;
    switch (pattern) {
      case Pattern::kRandom: value = low + static_cast<int>(engine() % span); break;
      case Pattern::kLargest: value = high; break;
      case Pattern::kSmallest: value = low; break;
      case Pattern::kAlternating: value = k % 2 == 0 ? high : low; break;
      case Pattern::kSparse: break;
    }
    row[k] = static_cast<float>(value);
  }
}

/// (channels, depth), each with a 127 or -127.
std::vector<float> whole_weights(std::int64_t channels, std::int64_t depth, Pattern pattern,
                                 std::uint32_t seed) {
  std::mt19937 engine(seed);
  std::vector<float> values(static_cast<std::size_t>(channels * depth));
  for (std::int64_t j = 0; j < channels; ++j) {
    float* row = values.data() + j * depth;
    fill(row, depth, -127, 127, pattern, engine);
    row[engine() % static_cast<std::uint32_t>(depth)] = engine() % 2 == 0 ? 127 : -127;
  }
  return values;
}

/// (rows, depth) from low to low + 255, both of which occur; low from -255 to 0, by row.
std::vector<float> whole_rows(std::int64_t rows, std::int64_t depth, Pattern pattern,
                              std::uint32_t seed) {
  std::mt19937 engine(seed);
  std::vector<float> values(static_cast<std::size_t>(rows * depth));
  for (std::int64_t i = 0; i < rows; ++i) {
    float* row = values.data() + i * depth;
    int low = -static_cast<int>(engine() % 256);
    if (depth == 1 || pattern == Pattern::kLargest) low = 0;  // 0 itself is always in the span
    if (pattern == Pattern::kSmallest) low = -255;
    fill(row, depth, low, low + 255, pattern, engine);
    const auto at = engine() % static_cast<std::uint32_t>(depth);
    row[at] = static_cast<float>(low == -255 ? low : low + 255);
    if (low != 0 && low != -255) row[(at + 1) % depth] = static_cast<float>(low);
  }
  return values;
}

/// A layer without biases whose weights are such numbers.
Layer whole_layer(std::int64_t in, std::int64_t out, Pattern pattern, std::uint32_t seed) {
  Layer layer(1, {1}, 1);
  layer.in_features = in;
  layer.sizes = {out};
  layer.weights = {whole_weights(out, in, pattern, seed)};
  layer.biases = {{}};
  return layer;
}

void check_exact(const Layer& layer, const std::vector<float>& a, std::int64_t rows) {
  const std::int64_t in = layer.in_features, out = layer.out_features();
  const std::vector<float> c = result(*int8_product(layer), a, rows);
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < out; ++j) {
      std::int64_t sum = 0;
      for (std::int64_t k = 0; k < in; ++k) {
        sum += static_cast<std::int64_t>(a[i * in + k]) *
               static_cast<std::int64_t>(layer.weights[0][j * in + k]);
      }
      REQUIRE_MESSAGE(c[i * out + j] == static_cast<float>(sum), in, " -> ", out, ", ", rows,
                      " rows: ", i, ", ", j);
    }
  }
}

// What rounding may do to a row's result: half a step on every factor, a whole one on the largest
// activations, which are cut where the rounded zero leaves no 256th step for them.
std::vector<double> bounds(const Layer& layer, const float* a) {
  double low = 0, high = 0;
  for (std::int64_t k = 0; k < layer.in_features; ++k) {
    low = std::min(low, double{a[k]});
    high = std::max(high, double{a[k]});
  }
  const double a_step = (high - low) / 255;
  std::vector<double> result;
  for (std::size_t p = 0; p < layer.sizes.size(); ++p) {
    for (std::int64_t j = 0; j < layer.sizes[p]; ++j) {
      const float* w = layer.weights[p].data() + j * layer.in_features;
      double w_largest = 0;
      for (std::int64_t k = 0; k < layer.in_features; ++k) {
        w_largest = std::max(w_largest, std::abs(double{w[k]}));
      }
      const double w_step = w_largest / 127;
      double sum = 1e-6;
      for (std::int64_t k = 0; k < layer.in_features; ++k) {
        sum += 0.5 * ((a[k] * 255 > 254 * high ? 2 : 1) * a_step * std::abs(double{w[k]}) +
                      w_step * std::abs(double{a[k]}) + a_step * w_step);
      }
      result.push_back(1.001 * sum);
    }
  }
  return result;
}

}  // namespace

TEST_CASE("int8 sums are exact integers for every small shape") {
  for (std::int64_t in : {1, 2, 3, 4, 5, 15, 16, 17, 63, 64, 65, 100}) {
    for (std::int64_t out : {1, 5, 8, 15, 16, 17, 31, 32, 33, 63, 64, 67}) {
      const auto seed = static_cast<std::uint32_t>(in * 100 + out);
      const Layer layer = whole_layer(in, out, Pattern::kRandom, seed);
      for (std::int64_t rows : {1, 2, 5, 6, 7, 13, 14, 15, 16, 17, 31}) {
        check_exact(layer, whole_rows(rows, in, Pattern::kRandom, seed + 1), rows);
      }
    }
  }
}

TEST_CASE("int8 sums are exact for all extremes, which would saturate 16 bits") {
  for (Pattern weights : kPatterns) {
    for (Pattern rows : kPatterns) {
      for (std::int64_t in : {2, 64, 387, 1536, 3072}) {
        check_exact(whole_layer(in, 37, weights, 3), whole_rows(17, in, rows, 4), 17);
      }
    }
  }
}

TEST_CASE("int8 sums are exact up to 65536 in_features, beyond which the product is refused") {
  const std::int64_t most = 65536;
  for (Pattern rows : {Pattern::kLargest, Pattern::kSmallest, Pattern::kRandom}) {
    check_exact(whole_layer(most, 3, Pattern::kLargest, 1), whole_rows(2, most, rows, 2), 2);
  }
  const Layer layer(most + 1, {1}, 1);
  WEFT_CHECK_FAILS(int8_product(layer), "UNSUPPORTED", "part0: expected at most 65536");
}

TEST_CASE("every level computes the same int8 sums and the same scaled values") {
  Layer layer(211, {70}, 5);
  layer.biases = {{}};
  const auto a = random_floats(211 * 19, 6);
  const std::vector<float> c = result(*int8_product(layer), a, 19);
  const std::vector<float> baseline =
      result(*int8_product(layer, Activation::kNone, Isa::kBaseline), a, 19);
  CHECK(same_bits(c.data(), baseline.data(), c.size()));
}

TEST_CASE("an int8 product is within half a step per factor of the sum in double") {
  double worst = 0;
  for (std::int64_t in : {7, 64, 384, 1000}) {
    const Layer layer(in, {40, 27, 50}, 3);
    const auto a = random_floats(static_cast<std::size_t>(in * 30), 4, 2.0f);
    const std::vector<float> c = result(*int8_product(layer), a, 30);
    std::vector<double> ignored;
    for (std::int64_t i = 0; i < 30; ++i) {
      const std::vector<double> expected =
          layer.row(a.data() + i * in, Activation::kNone, &ignored);
      const std::vector<double> allowed = bounds(layer, a.data() + i * in);
      for (std::size_t j = 0; j < 117; ++j) {
        const double share = std::abs(c[i * 117 + j] - expected[j]) / allowed[j];
        CHECK_MESSAGE(share <= 1, in, " -> 117, row ", i, ", column ", j);
        worst = std::max(worst, share);
      }
    }
  }
  MESSAGE("worst error, share of the bound: ", worst);
}

TEST_CASE("an int8 product applies activation, bias and residual in f32") {
  for (Activation activation : {Activation::kGelu, Activation::kTanh, Activation::kRelu}) {
    const Layer layer(96, {40, 30}, 3);
    const auto a = random_floats(96 * 20, 4);
    const auto residual = random_floats(70 * 20, 5);
    const std::vector<float> plain = result(*int8_product(layer), a, 20);
    std::vector<float> c(plain.size());
    run(*int8_product(layer, activation), {const_cast<float*>(a.data()), 20, 96, 96},
        {c.data(), 20, 70, 70}, {const_cast<float*>(residual.data()), 20, 70, 70});
    for (std::size_t i = 0; i < c.size(); ++i) {
      const double expected = activate(activation, double{plain[i]}) + double{residual[i]};
      CHECK(std::abs(c[i] - expected) <= 3e-6 * (1 + std::abs(expected)));
    }
  }
}

TEST_CASE("an int8 row has the same bits whatever rows surround it and however many") {
  check_rows_apart(*int8_product(Layer(130, {75}, 8), Activation::kGelu), 70);
}

TEST_CASE("int8 columns computed apart have the same bits and nothing else is written") {
  check_columns_apart(*int8_product(Layer(60, {150}, 9), Activation::kTanh), 17);
}

TEST_CASE("an int8 product touches nothing beyond a, c, the residual and its scratch") {
  for (std::int64_t in : {1, 3, 16, 50, 65}) {
    for (std::int64_t out : {1, 7, 31, 32, 35, 65}) {
      const Layer layer(in, {out}, 11);
      const auto product = int8_product(layer);
      for (std::int64_t rows : {1, 2, 5, 6, 15, 20}) {
        check_guarded(*product, random_floats(static_cast<std::size_t>(rows * in), 2),
                      random_floats(static_cast<std::size_t>(rows * out), 2), rows);
      }
    }
  }
}

TEST_CASE("an int8 kernel reads nothing beyond its panel, scales and rows, prefetching included") {
  const gemm::Int8Kernels& kernels = gemm::int8_kernels(isa_under_test());
  for (std::int64_t steps : {1, 3, 4, 5, 16, 17}) {
    for (std::int64_t rows = 1; rows <= kernels.max_rows; ++rows) {
      for (std::int64_t cols : {std::int64_t{1}, kernels.panel_cols - 1, kernels.panel_cols}) {
        const auto width = static_cast<std::size_t>(kernels.panel_cols);
        const auto panel_bytes = static_cast<std::size_t>(steps * kernels.step_depth) * width;
        // Bytes of 1, or 16-bit values of 257.
        GuardedBuffer<std::byte> a(
            std::vector<std::byte>(static_cast<std::size_t>(rows * steps * 4), std::byte{1}));
        const std::int64_t expected = steps * (kernels.step_depth == 4 ? 4 : 2 * 257);
        GuardedBuffer<std::int8_t> b(std::vector<std::int8_t>(panel_bytes, 1));
        GuardedBuffer<std::int32_t> col_sum(std::vector<std::int32_t>(width, 7));
        GuardedBuffer<gemm::Int8Scale> row_scale(
            std::vector<gemm::Int8Scale>(static_cast<std::size_t>(rows), {2, 0}));
        GuardedFloats col_scale(std::vector<float>(width, 3)), bias(std::vector<float>(width, 1));
        GuardedFloats c(static_cast<std::size_t>(rows * cols));
        kernels.tile[rows - 1]({.a = a.data(),
                                .a_stride = steps * 4,
                                .row_scale = row_scale.data(),
                                .b = b.data(),
                                .col_sum = col_sum.data(),
                                .col_scale = col_scale.data(),
                                .bias = bias.data(),
                                .c = c.data(),
                                .c_stride = cols,
                                .steps = steps,
                                .cols = cols,
                                .prefetch = b.data() + panel_bytes,
                                .prefetch_stride = 64,
                                .prefetch_lines = 2,
                                .prefetch_steps = steps});
        for (const float value : c.values()) REQUIRE(value == static_cast<float>(6 * expected + 1));
      }
    }
  }
}

// Long enough for the loops over four registers of every level, which a rest follows.
constexpr std::size_t kLongDepth = 203;

TEST_CASE("NaN, infinity and outliers in a row leave the rows beside it alone") {
  const Layer layer(kLongDepth, {45}, 12);
  const auto product = int8_product(layer);
  // In each of four registers of 4, 8 and 16 values, in a register left over, and in the last part.
  const std::vector<std::size_t> places{0, 5, 9, 14, 17, 30, 35, 47, 60, 63, 130, 195, 202};
  for (const std::size_t place : places) {
    CAPTURE(place);
    auto a = random_floats(kLongDepth * 16, 2);
    const std::vector<float> clean = result(*product, a, 16);
    a[3 * kLongDepth + place] = NAN;
    a[5 * kLongDepth + place] = kInfinity;
    a[6 * kLongDepth + place] = -kInfinity;
    a[9 * kLongDepth + place] = -NAN;
    a[11 * kLongDepth + place] = 3e38f;
    a[12 * kLongDepth + place] = -1e30f;
    const std::vector<float> c = result(*product, a, 16);
    for (std::size_t i = 0; i < 16; ++i) {
      CAPTURE(i);
      if (i == 3 || i == 5 || i == 6 || i == 9) {
        for (std::size_t j = 0; j < 45; ++j) CHECK(std::isnan(c[i * 45 + j]));
      } else if (i == 11 || i == 12) {
        for (std::size_t j = 0; j < 45; ++j) CHECK(!std::isnan(c[i * 45 + j]));
      } else {
        CHECK(same_bits(&c[i * 45], &clean[i * 45], 45));
      }
    }
  }
}

TEST_CASE("a NaN or infinite weight makes its channel NaN and no other") {
  for (float bad : {NAN, kInfinity, -kInfinity}) {
    for (const std::size_t place : {7, 21, 40, 55, 202}) {
      Layer layer(kLongDepth, {45}, 12);
      const auto a = random_floats(kLongDepth * 9, 2);
      const std::vector<float> clean = result(*int8_product(layer), a, 9);
      layer.weights[0][3 * kLongDepth + place] = bad;
      const std::vector<float> c = result(*int8_product(layer), a, 9);
      for (std::size_t i = 0; i < c.size(); ++i) {
        CHECK((i % 45 == 3 ? std::isnan(c[i]) : c[i] == clean[i]));
      }
    }
  }
}

TEST_CASE("rows and channels of zeros, and of next to nothing, give the bias") {
  Layer layer(40, {45}, 12);
  std::fill_n(layer.weights[0].begin() + 5 * 40, 40, 0.0f);
  std::fill_n(layer.weights[0].begin() + 6 * 40, 40, 1e-38f);
  auto a = random_floats(40 * 9, 2);
  std::fill_n(a.begin(), 40, 0.0f);
  std::fill_n(a.begin() + 40, 40, -0.0f);
  std::fill_n(a.begin() + 80, 40, 1e-44f);
  std::fill_n(a.begin() + 120, 40, -1e-36f);
  const std::vector<float> c = result(*int8_product(layer), a, 9);
  for (std::size_t i = 0; i < 9; ++i) {
    for (std::size_t j = 0; j < 45; ++j) {
      const bool nothing = i < 4 || j == 5 || j == 6;
      CHECK((c[i * 45 + j] == layer.biases[0][j]) == nothing);
    }
  }
}

TEST_CASE("no rows are no work in int8, and weights take a byte each") {
  const Layer layer(640, {640}, 1);
  const auto product = int8_product(layer);
  run(*product, {nullptr, 0, 640, 640}, {nullptr, 0, 640, 640});
  CHECK(product->packed_bytes() >= 640 * 640);
  CHECK(product->packed_bytes() <= 640 * 640 + 16 * 640);
  CHECK(product->kernel().find("int8") != std::string::npos);
}

TEST_CASE("oneDNN has no int8 products here, and says so") {
  const Layer layer(16, {16}, 1);
  WEFT_CHECK_FAILS(make_product(GemmBackend::kOneDnn, isa_under_test(), ComputeType::kInt8,
                                layer.parts(), Activation::kNone),
                   "UNSUPPORTED", "dtype: int8");
}

}  // namespace weft::test
