// Activations against long double over the whole range of floats.
#include <doctest/doctest.h>

#include <string>

#include "tests/ops/row_case.h"
#include "tests/reference.h"

namespace weft::test {
namespace {

using Exact = long double (*)(long double);

long double exact_gelu(long double x) { return 0.5L * x * erfcl(-x * sqrtl(0.5L)); }
long double exact_gelu_tanh(long double x) {
  const long double u = sqrtl(2 / M_PIl) * (x + 0.044715L * x * x * x);
  return x / (1 + expl(-2 * u));  // 1 + tanh u = 2 / (1 + e^-2u)
}
long double exact_relu(long double x) { return x > 0 ? x : 0; }
long double exact_silu(long double x) { return x / (1 + expl(-x)); }
long double exact_tanh(long double x) { return tanhl(x); }
long double exact_sigmoid(long double x) { return 1 / (1 + expl(-x)); }

struct Bound {
  double relative;  // of the result
  double absolute;
};

struct ActivationCase {
  Activation kind;
  Exact exact;
  Bound upper, middle, lower;  // for x > -1, (-3, -1], x <= -3
};

const ActivationCase kCases[] = {
    {Activation::kGelu, exact_gelu, {4.6e-7, 1e-37}, {2.6e-6, 0}, {0, 1e-8}},
    {Activation::kGeluTanh, exact_gelu_tanh, {3e-7, 1e-37}, {1e-6, 0}, {0, 5e-9}},
    {Activation::kRelu, exact_relu, {0, 0}, {0, 0}, {0, 0}},
    {Activation::kSilu, exact_silu, {2e-7, 1e-37}, {2e-7, 0}, {3e-7, 1e-36}},
    {Activation::kTanh, exact_tanh, {2.4e-7, 1e-37}, {2e-7, 0}, {2e-7, 0}},
    {Activation::kSigmoid, exact_sigmoid, {2e-7, 0}, {2e-7, 0}, {3e-7, 1e-36}},
};

// Floats by their bits, 4111 apart: a million, from every binade of either sign.
std::vector<float> sweep() {
  std::vector<float> x;
  for (std::uint64_t bits = 0; bits < (1ull << 32); bits += 4111) {
    const auto word = static_cast<std::uint32_t>(bits);
    float value;
    std::memcpy(&value, &word, 4);
    if (std::isfinite(value)) x.push_back(value);
  }
  // And the part where the functions bend, evenly.
  for (int i = -200000; i <= 200000; ++i) x.push_back(static_cast<float>(i) * 1e-4f);
  return x;
}

}  // namespace

TEST_CASE("every activation keeps its error bound over the whole range of floats") {
  const std::vector<float> x = sweep();
  std::vector<float> y(x.size());
  for (const ActivationCase& c : kCases) {
    CAPTURE(std::string(to_string(c.kind)));
    kernels_under_test().activation(c.kind, x.data(), y.data(),
                                    static_cast<std::int64_t>(x.size()));
    double worst = 0;  // of error / bound
    double worst_relative = 0;
    float worst_at = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double expected = static_cast<double>(c.exact(x[i]));
      const double error = std::fabs(y[i] - expected);
      const Bound& bound = x[i] > -1 ? c.upper : x[i] > -3 ? c.middle : c.lower;
      if (error != 0 && x[i] > -1 && std::fabs(expected) > 1e-30) {
        worst_relative = std::max(worst_relative, error / std::fabs(expected));
      }
      const double allowed = bound.relative * std::fabs(expected) + bound.absolute;
      if (!(error <= allowed * worst)) {
        worst = allowed > 0 ? error / allowed : kInf;
        worst_at = x[i];
      }
    }
    MESSAGE(std::string(to_string(c.kind)), ": worst relative error above -1 ", worst_relative,
            ", worst share of the bound ", worst, " at ", worst_at);
    CHECK(worst <= 1);
  }
}

TEST_CASE("an element's bits depend on neither its place nor the row's length") {
  const std::vector<float> x = random_floats(70, 15, 3);
  for (const ActivationCase& c : kCases) {
    std::vector<float> whole(70);
    kernels_under_test().activation(c.kind, x.data(), whole.data(), 70);
    for (std::int64_t n : row_lengths()) {
      if (n > 35) break;
      for (std::int64_t first : {0, 1, 2, 3, 17, 35}) {
        const std::vector<float> part(x.begin() + first, x.begin() + first + n);
        const std::vector<float> y = run_guarded(
            [&](const float* in, float* out, std::int64_t m) {
              kernels_under_test().activation(c.kind, in, out, m);
            },
            part);
        if (n > 0) CHECK(std::memcmp(y.data(), whole.data() + first, part.size() * 4) == 0);
      }
    }
  }
}

TEST_CASE("NaN stays NaN and infinities follow the formula") {
  for (const ActivationCase& c : kCases) {
    CAPTURE(std::string(to_string(c.kind)));
    std::vector<float> x(19, kInf), y(19);
    x[0] = x[17] = kNan;
    x[1] = x[18] = -kInf;
    kernels_under_test().activation(c.kind, x.data(), y.data(), 19);
    CHECK(std::isnan(y[0]));
    CHECK(std::isnan(y[17]));
    const bool bounded = c.kind == Activation::kTanh || c.kind == Activation::kSigmoid;
    CHECK(y[2] == (bounded ? 1.0f : kInf));
    switch (c.kind) {
      case Activation::kTanh: CHECK(y[1] == -1.0f); break;
      case Activation::kSigmoid:
      case Activation::kRelu: CHECK(y[1] == 0.0f); break;
      default: CHECK(std::isnan(y[1]));  // -infinity times zero
    }
    CHECK(std::memcmp(&y[1], &y[18], 4) == 0);
  }
}

}  // namespace weft::test
