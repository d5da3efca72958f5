#include "ops/gru.h"

#include "tests/ops/mixing_case.h"
#include "tests/ops/row_case.h"
#include "tests/ops/run_op.h"

namespace weft::test {
namespace {

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

struct GruCase {
  std::vector<int> lengths;
  std::int64_t size = 8;
  int threads = 1;
  std::vector<float> x{}, w{}, b{}, first{};  // first, b: may be empty

  GruCase& fill(std::uint32_t seed) {
    const auto n = static_cast<std::size_t>(size);
    x = random_floats(Sequences(lengths).rows() * 3 * n, seed);
    w = random_floats(3 * n * n, seed + 1, 1 / std::sqrt(static_cast<float>(size)));
    b = random_floats(3 * n, seed + 2, 0.5f);
    first = random_floats(lengths.size() * n, seed + 3, 0.5f);
    return *this;
  }
  ProductPart recurrent() const {
    ProductPart part{Weight::from_memory("weight_hh_l0", {3 * size, size}, w.data()), {}};
    if (!b.empty()) part.bias = Weight::from_memory("bias_hh_l0", {3 * size}, b.data());
    return part;
  }
};

struct GruResult {
  std::vector<float> states, last;
};

GruResult run_gru(const GruCase& test) {
  std::vector<MixingInput> in{{.cols = 3 * test.size, .f32 = test.x, .lengths = test.lengths}};
  const auto sequences = static_cast<std::int64_t>(test.lengths.size());
  if (!test.first.empty()) {
    in.push_back({.cols = test.size, .f32 = test.first, .lengths = {}});
  }
  const auto out =
      run_mixing(GruOp(test.recurrent(), 1), in,
                 {{static_cast<std::int64_t>(Sequences(test.lengths).rows()), test.size},
                  {sequences, test.size}},
                 test.threads);
  return {out[0], out[1]};
}

/// PyTorch's equations, in double.
void check_against_definition(const GruCase& test, double tolerance) {
  const Sequences rows(test.lengths);
  const std::int64_t n = test.size;
  std::vector<double> states(rows.rows() * static_cast<std::size_t>(n)), last;
  for (std::size_t s = 0; s < test.lengths.size(); ++s) {
    std::vector<double> h(static_cast<std::size_t>(n), 0.0);
    for (std::int64_t c = 0; c < n && !test.first.empty(); ++c) {
      h[c] = test.first[s * static_cast<std::size_t>(n) + c];
    }
    for (std::int64_t row = rows.offsets[s]; row < rows.offsets[s + 1]; ++row) {
      std::vector<double> gates(static_cast<std::size_t>(3 * n));
      for (std::int64_t j = 0; j < 3 * n; ++j) {
        gates[j] = test.b.empty() ? 0 : test.b[j];
        for (std::int64_t c = 0; c < n; ++c) gates[j] += test.w[j * n + c] * h[c];
      }
      const float* x = test.x.data() + row * 3 * n;
      for (std::int64_t c = 0; c < n; ++c) {
        const double reset = sigmoid(x[c] + gates[c]);
        const double update = sigmoid(x[n + c] + gates[n + c]);
        const double fresh = std::tanh(x[2 * n + c] + reset * gates[2 * n + c]);
        h[c] = (1 - update) * fresh + update * h[c];
        states[row * n + c] = h[c];
      }
    }
    last.insert(last.end(), h.begin(), h.end());
  }
  const GruResult found = run_gru(test);
  check_close(found.states, states, tolerance);
  check_close(found.last, last, tolerance);
}

}  // namespace

TEST_CASE("gru equals PyTorch's equations at every width, with and without bias and first state") {
  for (std::int64_t size : {1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 64, 70}) {
    CAPTURE(size);
    GruCase test{.lengths = {3, 1, 12, 5}, .size = size};
    check_against_definition(test.fill(static_cast<std::uint32_t>(size)), 2e-6);
    test.first.clear();
    check_against_definition(test, 2e-6);
    test.b.clear();
    check_against_definition(test, 2e-6);
  }
}

TEST_CASE("gru equals PyTorch's equations over many sequences and a long one") {
  std::vector<int> lengths;
  for (int i = 0; i < 200; ++i) lengths.push_back(1 + i * 7 % 11);
  lengths[77] = 300;
  GruCase test{.lengths = lengths, .size = 20};
  check_against_definition(test.fill(3), 4e-6);
}

TEST_CASE("gru gives a sequence the same bits alone, in a batch and with any number of threads") {
  GruCase batch{.lengths = {9, 1, 30, 30, 2, 17, 4}, .size = 45};
  batch.fill(4);
  const GruResult all = run_gru(batch);
  for (int threads : {2, 3, 16}) {
    batch.threads = threads;
    const GruResult found = run_gru(batch);
    CHECK(same_bits(all.states, found.states));
    CHECK(same_bits(all.last, found.last));
  }
  for (std::size_t s = 0; s < batch.lengths.size(); ++s) {
    GruCase single = batch;
    single.lengths = {batch.lengths[s]};
    single.x = rows_of_sequence(batch.x, batch.lengths, s, 3 * batch.size);
    single.first.assign(batch.first.begin() + static_cast<std::ptrdiff_t>(s) * batch.size,
                        batch.first.begin() + static_cast<std::ptrdiff_t>(s + 1) * batch.size);
    CHECK(same_bits(run_gru(single).states,
                    rows_of_sequence(all.states, batch.lengths, s, batch.size)));
  }
}

TEST_CASE("NaN in one sequence stays there") {
  GruCase test{.lengths = {4, 6, 5}, .size = 10};
  const GruResult clean = run_gru(test.fill(5));
  test.x[4 * 30 + 2] = NAN;
  const GruResult found = run_gru(test);
  CHECK(std::isnan(found.last[10 + 2]));
  for (std::size_t s : {0u, 2u}) {
    CHECK(same_bits(rows_of_sequence(found.states, test.lengths, s, 10),
                    rows_of_sequence(clean.states, test.lengths, s, 10)));
  }
}

TEST_CASE("one step of gru_gates equals PyTorch's equations") {
  constexpr int kRows = 3, kSize = 21;
  const std::vector<float> x = random_floats(kRows * 3 * kSize, 6, 3);
  const std::vector<float> g = random_floats(kRows * 3 * kSize, 7, 3);
  const std::vector<float> h = random_floats(kRows * kSize, 8);
  TestMatrix xs(kRows, 3 * kSize, x), gs(kRows, 3 * kSize, g), hs(kRows, kSize, h);
  const Tensor in[] = {xs.tensor(), gs.tensor(), hs.tensor()};
  TestMatrix found = run_row_wise(GruGatesOp(), in, kSize);
  for (int i = 0; i < kRows; ++i) {
    for (int c = 0; c < kSize; ++c) {
      const auto at = [&](const std::vector<float>& values, int gate) {
        return static_cast<double>(values[static_cast<std::size_t>((3 * i + gate) * kSize + c)]);
      };
      const double reset = sigmoid(at(x, 0) + at(g, 0)), update = sigmoid(at(x, 1) + at(g, 1));
      const double fresh = std::tanh(at(x, 2) + reset * at(g, 2));
      const double before = h[static_cast<std::size_t>(i * kSize + c)];
      CHECK(std::fabs(found.at(i, c) - ((1 - update) * fresh + update * before)) < 2e-6);
    }
  }
}

TEST_CASE("gru refuses what does not fit, naming both sides") {
  GruCase test{.lengths = {1}, .size = 4};
  const GruOp op(test.fill(9).recurrent(), 1);
  CHECK(op.infer(std::vector<ValueInfo>{f32_value(0, 12)})[1].rows == 1);
  CHECK(infer_error(op, {f32_value(0, 9)})
            .find("weight_hh_l0: expected 9 x 3 for an input of 9 columns, found 12 x 4") !=
        std::string::npos);
  CHECK(infer_error(op, {f32_value(0, 10)}).find("found 10 columns") != std::string::npos);
  CHECK(infer_error(op, {f32_value(0, 12), f32_value(1, 3)}).find("found 3 in 1") !=
        std::string::npos);
  CHECK(infer_error(GruGatesOp(), {f32_value(0, 12), f32_value(0, 9), f32_value(0, 4)})
            .find("found 9 and 4") != std::string::npos);
}

}  // namespace weft::test
