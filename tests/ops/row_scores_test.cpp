#include "ops/row_scores.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>

#include "tests/ops/row_case.h"
#include "tests/reference.h"

namespace weft::test {
namespace {

const RowScores& scores_under_test() {
  static const RowScores scores(isa_under_test());
  return scores;
}

std::vector<double> log_softmax(const std::vector<float>& x) {
  const double most = *std::max_element(x.begin(), x.end());
  double sum = 0;
  for (const float value : x) sum += std::exp(value - most);
  std::vector<double> y;
  for (const float value : x) y.push_back(value - most - std::log(sum));
  return y;
}

}  // namespace

TEST_CASE("argmax finds the first of the largest elements at every length") {
  for (const std::int64_t n : row_lengths()) {
    CAPTURE(n);
    std::vector<float> x = random_floats(static_cast<std::size_t>(n), 3);
    for (const Guard guard : {Guard::kAfter, Guard::kBefore}) {
      const GuardedBuffer<float> row(x, guard);
      const std::int64_t found = scores_under_test().argmax({row.data(), x.size()});
      CHECK(found == (n == 0 ? -1 : std::max_element(x.begin(), x.end()) - x.begin()));
    }
    for (std::size_t first = 0; first < x.size(); first += 1 + x.size() / 7) {
      std::vector<float> ties = x;
      ties[first] = ties.back() = 9;
      CHECK(scores_under_test().argmax(ties) == static_cast<std::int64_t>(first));
      ties[first] = kNan;
      CHECK(scores_under_test().argmax(ties) == -1);
    }
  }
  CHECK(scores_under_test().argmax(std::vector<float>(70, -kInf)) == 0);
}

TEST_CASE("log-softmax equals the double reference at every length") {
  double worst = 0;
  for (const std::int64_t n : row_lengths()) {
    if (n == 0) continue;
    for (const float scale : {0.1f, 5.0f, 60.0f}) {
      const std::vector<float> x = random_floats(static_cast<std::size_t>(n), 4, scale);
      const std::vector<float> y = run_guarded(
          [](const float* in, float* out, std::int64_t size) {
            const auto columns = static_cast<std::size_t>(size);
            REQUIRE(scores_under_test().log_softmax({in, columns}, {out, columns}));
          },
          x);
      worst = std::max(worst, worst_error(y, log_softmax(x), 1.0));
    }
  }
  MESSAGE("worst error of log-softmax, relative beyond 1: ", worst);
  // Three roundings of values up to |x - max| and the sum's own error.
  CHECK(worst < 1e-6);
}

TEST_CASE("log-softmax refuses rows that are no distribution and takes impossible columns") {
  std::vector<float> x = random_floats(100, 8), y(100);
  x[5] = x[99] = -kInf;
  REQUIRE(scores_under_test().log_softmax(x, y));
  CHECK(y[5] == -kInf);
  CHECK(worst_error(y, log_softmax(x), 1.0) < 1e-6);
  x[70] = kNan;
  CHECK_FALSE(scores_under_test().log_softmax(x, y));
  x[70] = kInf;
  CHECK_FALSE(scores_under_test().log_softmax(x, y));
  CHECK_FALSE(scores_under_test().log_softmax(std::vector<float>(100, -kInf), y));
}

TEST_CASE("the best columns of several rows are those of a full sort, ties by row and column") {
  for (const std::size_t columns : {1u, 7u, 63u, 64u, 65u, 700u}) {
    for (const std::size_t count : {1u, 2u, 6u, 40u}) {
      CAPTURE(columns);
      CAPTURE(count);
      struct Flat {
        float score;
        std::size_t index;
      };
      std::vector<Flat> all;
      BestColumns best(static_cast<std::int64_t>(count));
      for (int round = 0; round < 2; ++round) {  // the second with what the first left behind
        best.clear();
        all.clear();
        for (std::size_t row = 0; row < 3; ++row) {
          std::vector<float> x = random_floats(columns, static_cast<std::uint32_t>(row));
          for (float& value : x) value = std::round(value * 4);  // many ties
          x[columns / 2] = -kInf;
          const float base = 0.5f * static_cast<float>(row);
          best.add_row(static_cast<std::int32_t>(row), x, base);
          for (std::size_t i = 0; i < columns; ++i) all.push_back({x[i] + base, row * columns + i});
        }
      }
      std::stable_sort(all.begin(), all.end(),
                       [](const Flat& a, const Flat& b) { return a.score > b.score; });
      const auto found = best.sorted();
      REQUIRE(found.size() == std::min(count, all.size()));
      for (std::size_t i = 0; i < found.size(); ++i) {
        CHECK(found[i].score == all[i].score);
        CHECK(static_cast<std::size_t>(found[i].row) * columns +
                  static_cast<std::size_t>(found[i].column) ==
              all[i].index);
      }
    }
  }
}

}  // namespace weft::test
