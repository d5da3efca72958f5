#include "ops/gemm/product.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <thread>

#include "ops/buffer.h"
#include "tests/isa_under_test.h"
#include "tests/ops/product_run.h"
#include "weft/error.h"

namespace weft::test {
namespace {

// The worst error as a share of what is allowed.
double worst_share(const Layer& layer, Activation activation, const std::vector<float>& a,
                   const std::vector<float>& c) {
  const auto in = static_cast<std::size_t>(layer.in_features);
  const auto out = static_cast<std::size_t>(layer.out_features());
  double worst = 0;
  std::vector<double> bound;
  for (std::size_t i = 0; i * in < a.size(); ++i) {
    const std::vector<double> expected = layer.row(a.data() + i * in, activation, &bound);
    for (std::size_t j = 0; j < out; ++j) {
      // No activation is steeper than 1.13; its own error is at most 2e-6 on this range.
      const double allowed = 1.13 * bound[j] + 2e-6 * (activation != Activation::kNone);
      const double error = std::abs(c[i * out + j] - expected[j]) / allowed;
      if (!(error <= worst)) worst = error;
    }
  }
  return worst;
}

std::unique_ptr<Product> native(const Layer& layer, Activation activation = Activation::kNone) {
  return make_product(GemmBackend::kNative, isa_under_test(), ComputeType::kF32, layer.parts(),
                      activation);
}

TEST_CASE("a native product equals the sum in double for every small shape") {
  double worst = 0;
  for (std::int64_t in : {1, 2, 3, 4, 5, 7, 24, 33, 100}) {
    for (std::int64_t out : {1, 5, 8, 15, 16, 17, 31, 32, 33, 64, 70}) {
      const Layer layer(in, {out}, static_cast<std::uint32_t>(in * 100 + out));
      const auto product = native(layer);
      for (std::int64_t rows : {1, 2, 3, 6, 7, 13, 14, 15, 29}) {
        const auto a = random_floats(static_cast<std::size_t>(rows * in), 5);
        const double share = worst_share(layer, Activation::kNone, a, result(*product, a, rows));
        CHECK_MESSAGE(share <= 1, in, " -> ", out, ", ", rows, " rows");
        worst = std::max(worst, share);
      }
    }
  }
  MESSAGE("worst error, share of the bound: ", worst);
}

TEST_CASE("an element is one chain over ascending k that starts with the bias, bit for bit") {
  for (std::int64_t in : {1, 63, 400, 1602}) {
    const Layer layer(in, {35, 40}, 6);
    const std::int64_t rows = 17;
    const auto a = random_floats(static_cast<std::size_t>(rows * in), 7);
    const std::vector<float> c = result(*native(layer), a, rows);
    for (std::int64_t i = 0; i < rows; ++i) {
      for (std::int64_t j = 0; j < 75; ++j) {
        const std::size_t part = j < 35 ? 0 : 1;
        const std::int64_t column = j < 35 ? j : j - 35;
        float sum = layer.biases[part].empty() ? 0 : layer.biases[part][column];
        for (std::int64_t k = 0; k < in; ++k) {
          const float left = a[i * in + k];
          const float right = layer.weights[part][column * in + k];
          sum =
              isa_under_test() == Isa::kBaseline ? left * right + sum : std::fma(left, right, sum);
        }
        REQUIRE(c[i * 75 + j] == sum);
      }
    }
  }
}

TEST_CASE("every activation is applied to the sum with its bias") {
  for (Activation activation : kActivations) {
    const Layer layer(96, {40, 27, 50}, 3);
    const auto a = random_floats(96 * 30, 4, 2.0f);
    const double share =
        worst_share(layer, activation, a, result(*native(layer, activation), a, 30));
    CHECK_MESSAGE(share <= 1, to_string(activation));
  }
}

TEST_CASE("parts lie side by side as one product, with and without biases") {
  const Layer layer(48, {5, 48, 31, 1, 64}, 17);
  const auto product = native(layer);
  CHECK(product->in_features() == 48);
  CHECK(product->out_features() == 149);
  const auto a = random_floats(48 * 20, 1);
  CHECK(worst_share(layer, Activation::kNone, a, result(*product, a, 20)) <= 1);
}

TEST_CASE("a row has the same bits whatever rows surround it and however many") {
  check_rows_apart(*native(Layer(130, {75}, 8), Activation::kGelu), 70);
}

TEST_CASE("columns computed apart have the same bits and nothing else is written") {
  check_columns_apart(*native(Layer(60, {150}, 9), Activation::kTanh), 17);
}

TEST_CASE("strides, misaligned buffers and a residual leave the bits alone") {
  const Layer layer(50, {70}, 10);
  const auto product = native(layer, Activation::kGelu);
  const auto a = random_floats(50 * 23, 2);
  const auto residual = random_floats(70 * 23, 3);
  std::vector<float> expected = result(*product, a, 23);
  for (std::size_t i = 0; i < expected.size(); ++i) expected[i] += residual[i];
  for (std::int64_t offset : {0, 1, 3, 7}) {
    for (std::int64_t pad : {0, 1, 5, 14}) {
      const std::int64_t a_stride = 50 + pad;
      const std::int64_t c_stride = 70 + 2 * pad;
      // NaN beside the matrix: reading it for arithmetic would show.
      std::vector<float> wide_a(static_cast<std::size_t>(23 * a_stride + offset), NAN);
      std::vector<float> wide_r(static_cast<std::size_t>(23 * c_stride + offset), NAN);
      std::vector<float> wide_c(static_cast<std::size_t>(23 * c_stride + offset), kUntouched);
      for (std::int64_t i = 0; i < 23; ++i) {
        std::copy_n(&a[i * 50], 50, &wide_a[offset + i * a_stride]);
        std::copy_n(&residual[i * 70], 70, &wide_r[offset + i * c_stride]);
      }
      run(*product, {wide_a.data() + offset, 23, 50, a_stride},
          {wide_c.data() + offset, 23, 70, c_stride}, {wide_r.data() + offset, 23, 70, c_stride});
      for (std::int64_t i = 0; i < 23; ++i) {
        REQUIRE(same_bits(&wide_c[offset + i * c_stride], &expected[i * 70], 70));
        for (std::int64_t j = 70; j < c_stride && i < 22; ++j) {
          REQUIRE(wide_c[offset + i * c_stride + j] == kUntouched);
        }
      }
    }
  }
}

TEST_CASE("nothing beyond a, c and the residual is touched") {
  for (std::int64_t in : {1, 3, 16, 50}) {
    for (std::int64_t out : {1, 7, 31, 32, 35, 65}) {
      const Layer layer(in, {out}, 11);
      for (GemmBackend backend : {GemmBackend::kNative, GemmBackend::kOneDnn}) {
        const auto product = make_product(backend, isa_under_test(), ComputeType::kF32,
                                          layer.parts(), Activation::kNone);
        for (std::int64_t rows : {1, 2, 5, 6, 15, 20}) {
          check_guarded(*product, random_floats(static_cast<std::size_t>(rows * in), 2),
                        random_floats(static_cast<std::size_t>(rows * out), 2), rows);
        }
      }
    }
  }
}

TEST_CASE("NaN and infinity stay in their rows and columns") {
  Layer layer(40, {45}, 12);
  layer.weights[0][3 * 40 + 7] = std::numeric_limits<float>::infinity();
  const auto product = native(layer);
  auto a = random_floats(40 * 16, 2);
  for (std::size_t i = 0; i < 16; ++i) a[i * 40 + 7] = 1;
  const std::vector<float> clean = result(*product, a, 16);
  a[5 * 40 + 7] = NAN;
  a[9 * 40 + 7] = 0;  // 0 x infinity
  const std::vector<float> c = result(*product, a, 16);
  for (std::size_t i = 0; i < 16; ++i) {
    CHECK(std::isnan(c[i * 45 + 3]) == (i == 5 || i == 9));
    if (i == 5) {
      for (std::size_t j = 0; j < 45; ++j) CHECK(std::isnan(c[i * 45 + j]));
    } else if (i != 9) {
      CHECK(c[i * 45 + 3] == std::numeric_limits<float>::infinity());
      CHECK(same_bits(&c[i * 45], &clean[i * 45], 45));
    } else {
      CHECK(std::isfinite(c[i * 45 + 4]));
    }
  }
}

TEST_CASE("no rows are no work") {
  const Layer layer(16, {16}, 1);
  for (GemmBackend backend : {GemmBackend::kNative, GemmBackend::kOneDnn}) {
    const auto product = make_product(backend, isa_under_test(), ComputeType::kF32, layer.parts(),
                                      Activation::kNone);
    run(*product, {nullptr, 0, 16, 16}, {nullptr, 0, 16, 16});
    CHECK(product->packed_bytes() >= 16 * 17 * sizeof(float));
  }
}

TEST_CASE("oneDNN agrees with the sum in double for pieces of every size") {
  const Layer layer(64, {40, 30}, 21);
  const auto product = make_product(GemmBackend::kOneDnn, isa_under_test(), ComputeType::kF32,
                                    layer.parts(), Activation::kGelu);
  MESSAGE(product->kernel());
  CHECK(product->kernel().find("ref") == std::string::npos);
  for (std::int64_t rows : {1, 2, 15, 16, 17, 31, 63, 64, 65, 100, 127, 128, 511, 512, 530, 1100}) {
    const auto a = random_floats(static_cast<std::size_t>(rows * 64), 4);
    CHECK_MESSAGE(worst_share(layer, Activation::kGelu, a, result(*product, a, rows)) <= 1, rows);
  }
}

TEST_CASE("oneDNN takes every activation, strides and a residual") {
  for (Activation activation : kActivations) {
    const Layer layer(48, {33}, 22);
    const auto product = make_product(GemmBackend::kOneDnn, isa_under_test(), ComputeType::kF32,
                                      layer.parts(), activation);
    const auto a = random_floats(48 * 20, 4, 2.0f);
    const auto residual = random_floats(33 * 20, 5);
    const std::vector<float> plain = result(*product, a, 20);
    CHECK_MESSAGE(worst_share(layer, activation, a, plain) <= 1, to_string(activation));
    std::vector<float> wide_a(20 * 50, NAN), wide_c(20 * 40, kUntouched);
    for (int i = 0; i < 20; ++i) std::copy_n(&a[i * 48], 48, &wide_a[i * 50]);
    run(*product, {wide_a.data(), 20, 48, 50}, {wide_c.data(), 20, 33, 40},
        {const_cast<float*>(residual.data()), 20, 33, 33});
    for (int i = 0; i < 20; ++i) {
      for (int j = 0; j < 40; ++j) {
        const float expected = j < 33 ? plain[i * 33 + j] + residual[i * 33 + j] : kUntouched;
        REQUIRE(wide_c[i * 40 + j] == expected);
      }
    }
  }
}

TEST_CASE("threads that share a product get what one thread gets") {
  const Layer layer(64, {96}, 23);
  const auto a = random_floats(64 * 80, 4);
  for (GemmBackend backend : {GemmBackend::kNative, GemmBackend::kOneDnn}) {
    const auto product = make_product(backend, isa_under_test(), ComputeType::kF32, layer.parts(),
                                      Activation::kNone);
    const std::vector<float> expected = result(*product, a, 80);
    std::vector<std::vector<float>> found(4);
    std::vector<std::thread> threads;
    for (auto& mine : found) {
      threads.emplace_back([&] {
        // New numbers of rows at once: oneDNN's primitives are made meanwhile.
        for (std::int64_t rows : {3, 40, 80}) {
          mine = result(*product, {a.begin(), a.begin() + rows * 64}, rows);
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    for (const auto& mine : found) CHECK(mine == expected);
  }
}

}  // namespace
}  // namespace weft::test
