#include "ops/kernel_regression.h"

#include "tests/failure.h"
#include "tests/ops/mixing_case.h"
#include "tests/ops/run_op.h"

namespace weft::test {
namespace {

struct RegressionCase {
  std::vector<int> query_lengths, key_lengths;
  std::int64_t size = 1, v_size = 1;
  float width = 1;
  int threads = 1;
  std::vector<float> q{}, k{}, v{};

  RegressionCase& fill(std::uint32_t seed, float magnitude = 1) {
    const auto cols = static_cast<std::size_t>(size);
    q = random_floats(Sequences(query_lengths).rows() * cols, seed, magnitude);
    k = random_floats(Sequences(key_lengths).rows() * cols, seed + 1, magnitude);
    v = random_floats(Sequences(key_lengths).rows() * static_cast<std::size_t>(v_size), seed + 2);
    return *this;
  }
};

struct RegressionResult {
  std::vector<float> out, weights;
};

RegressionResult run_regression(const RegressionCase& test, Weights weights = Weights::kYes) {
  const KernelRegressionOp op({.q_cols = test.size,
                               .v_cols = test.v_size,
                               .width = Weight::from_memory("w", {1}, &test.width)});
  const auto rows = static_cast<std::int64_t>(Sequences(test.query_lengths).rows());
  const auto out =
      run_mixing(op,
                 {{.cols = test.size, .f32 = test.q, .lengths = test.query_lengths},
                  {.cols = test.size, .f32 = test.k, .lengths = test.key_lengths},
                  {.cols = test.v_size, .f32 = test.v, .lengths = test.key_lengths}},
                 {{rows, test.v_size},
                  {weights == Weights::kYes ? rows : 0, Sequences(test.key_lengths).longest}},
                 test.threads);
  return {out[0], out[1]};
}

/// The definition, in double.
void check_against_definition(const RegressionCase& test, double tolerance) {
  const Sequences queries(test.query_lengths), keys(test.key_lengths);
  std::vector<double> means(queries.rows() * static_cast<std::size_t>(test.v_size));
  std::vector<double> attention(queries.rows() * static_cast<std::size_t>(keys.longest));
  for (std::size_t s = 0; s < test.query_lengths.size(); ++s) {
    for (std::int64_t row = queries.offsets[s]; row < queries.offsets[s + 1]; ++row) {
      std::vector<double> scores;
      for (std::int64_t j = keys.offsets[s]; j < keys.offsets[s + 1]; ++j) {
        double squares = 0;
        for (std::int64_t c = 0; c < test.size; ++c) {
          const double scaled =
              (static_cast<double>(test.q[row * test.size + c]) - test.k[j * test.size + c]) *
              test.width;
          squares += scaled * scaled;
        }
        scores.push_back(-squares / 2);
      }
      const std::vector<double> weights = softmax(scores);
      for (std::int64_t j = 0; j < test.key_lengths[s]; ++j) {
        attention[row * keys.longest + j] = weights[j];
        for (std::int64_t c = 0; c < test.v_size; ++c) {
          means[row * test.v_size + c] +=
              weights[j] * test.v[(keys.offsets[s] + j) * test.v_size + c];
        }
      }
    }
  }
  const RegressionResult found = run_regression(test);
  check_close(found.out, means, tolerance);
  check_close(found.weights, attention, tolerance);
  CHECK(same_bits(found.out, run_regression(test, Weights::kNo).out));
}

}  // namespace

TEST_CASE("the textbook's kernel regression, without and with a loaded width") {
  RegressionCase test{.query_lengths = {4}, .key_lengths = {6}};
  test.k = {0.2f, 0.9f, 1.7f, 2.4f, 3.1f, 4.6f};
  for (double k : {0.2, 0.9, 1.7, 2.4, 3.1, 4.6}) {
    test.v.push_back(static_cast<float>(2 * std::sin(k) + std::pow(k, 0.8)));
  }
  test.q = {0, 1, 2.5f, 5};
  check_close(run_regression(test).out, {1.723332, 2.426738, 2.960166, 1.638655}, 1e-6);
  test.width = 2.5f;
  check_close(run_regression(test).out, {0.823511, 2.469634, 3.195157, 1.402693}, 1e-6);
}

TEST_CASE("kernel regression equals its definition for every number of columns") {
  for (std::int64_t size = 1; size <= 19; ++size) {
    CAPTURE(size);
    RegressionCase test{.query_lengths = {19, 1}, .key_lengths = {13, 2}, .size = size};
    test.v_size = 20 - size;
    test.width = 0.7f;
    check_against_definition(test.fill(static_cast<std::uint32_t>(size)), 2e-6);
  }
}

TEST_CASE("kernel regression equals its definition across tiles of keys and ragged sequences") {
  RegressionCase test{.query_lengths = {7, 1, 33, 16, 40},
                      .key_lengths = {127, 128, 129, 1, 1000},
                      .size = 2,
                      .v_size = 5,
                      .width = 3};
  check_against_definition(test.fill(1), 6e-6);
}

TEST_CASE("a later key that is nearer than all before takes over, and far keys do not overflow") {
  RegressionCase test{.query_lengths = {5}, .key_lengths = {600}};
  test.fill(2);
  // Distances fall from 3000 to 0: every tile raises the maximum by far.
  for (std::size_t i = 0; i < 600; ++i) test.k[i] = 3000 - 5 * static_cast<float>(i + 1);
  test.q = {0, 1, -1, 0.5f, 2};
  check_against_definition(test, 4e-6);
  // Of scores near -500, the float's own rounding, 3e-5, is what the weights see.
  test.q = {-30, -30, -31, -29, -30.5f};
  check_against_definition(test, 1e-4);
}

TEST_CASE("a query without keys, or with keys infinitely far, gives zeros") {
  RegressionCase test{.query_lengths = {3, 2}, .key_lengths = {0, 4}, .size = 2, .v_size = 3};
  check_against_definition(test.fill(3), 2e-6);
  for (float& key : test.k) key = 3e30f;
  for (float y : run_regression(test).out) CHECK(y == 0);
}

TEST_CASE("regression of a sequence gets the same bits alone, in a batch, from any threads") {
  RegressionCase batch{
      .query_lengths = {40, 1, 70}, .key_lengths = {900, 300, 64}, .size = 3, .v_size = 9};
  batch.fill(8);
  const RegressionResult all = run_regression(batch);
  batch.threads = 5;
  CHECK(same_bits(all.out, run_regression(batch).out));
  for (std::size_t s = 0; s < 3; ++s) {
    RegressionCase single = batch;
    single.query_lengths = {batch.query_lengths[s]};
    single.key_lengths = {batch.key_lengths[s]};
    single.q = rows_of_sequence(batch.q, batch.query_lengths, s, batch.size);
    single.k = rows_of_sequence(batch.k, batch.key_lengths, s, batch.size);
    single.v = rows_of_sequence(batch.v, batch.key_lengths, s, batch.v_size);
    CHECK(same_bits(run_regression(single).out,
                    rows_of_sequence(all.out, batch.query_lengths, s, batch.v_size)));
  }
}

TEST_CASE("memory for kernel regression does not grow with the keys, nor does the error") {
  const KernelRegressionOp op({.q_cols = 1, .v_cols = 1});
  const auto compiled = op.compile(make_compile_context(isa_under_test(), GemmBackend::kNative));
  const std::size_t few = compiled->scratch_bytes({.longest = 10});
  CHECK(few == compiled->scratch_bytes({.longest = 1000000}));
  CHECK(few < 16384);
  // Every key weighs about as much as any other: the longest sum there is.
  RegressionCase test{.query_lengths = {2}, .key_lengths = {1000000}, .width = 0.1f};
  test.q = {0.25f, 0.5f};
  for (int i = 0; i < 1000000; ++i) {
    test.k.push_back(static_cast<float>(i) * 1e-6f);
    test.v.push_back(1 + test.k.back());
  }
  double expected = 0, sum = 0;
  for (std::size_t i = 0; i < test.k.size(); ++i) {
    const double distance = (0.25 - test.k[i]) * static_cast<double>(0.1f);
    const double weight = std::exp(-distance * distance / 2);
    sum += weight;
    expected += weight * test.v[i];
  }
  CHECK(std::fabs(run_regression(test, Weights::kNo).out[0] - expected / sum) < 1e-6);
}

TEST_CASE("kernel regression refuses what does not fit, naming both sides") {
  const std::vector<float> two{1, 2};
  const KernelRegressionOp op({.q_cols = 2, .v_cols = 3});
  std::vector<ValueInfo> in{f32_value(0, 2), f32_value(1, 2), f32_value(1, 3)};
  CHECK(op.infer(in)[0].cols == 3);
  in[1].cols = 5;
  CHECK(infer_error(op, in).find("found q with 2, k with 5") != std::string::npos);
  in[1].cols = 2;
  const KernelRegressionOp wide(
      {.q_cols = 2, .v_cols = 3, .width = Weight::from_memory("w", {2}, two.data())});
  CHECK(infer_error(wide, in).find("w: expected 1 element, found [2]") != std::string::npos);
}

}  // namespace weft::test
