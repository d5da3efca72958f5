#include "ops/masked_softmax.h"

#include <map>

#include "tests/ops/mixing_case.h"
#include "tests/ops/row_case.h"
#include "tests/ops/run_op.h"

namespace weft::test {
namespace {

constexpr int kRows = 150, kCols = 21;

/// Row i is the softmax of its first seen(i) columns, the others 0 though NaN is planted there.
template <typename Seen>
void check_rows(const std::vector<float>& found, const std::vector<float>& x, const Seen& seen) {
  for (int i = 0; i < kRows; ++i) {
    const auto n = static_cast<std::size_t>(seen(i));
    const std::vector<double> row(x.begin() + i * kCols,
                                  x.begin() + i * kCols + static_cast<std::ptrdiff_t>(n));
    const std::vector<double> expected = softmax(row);
    for (std::size_t j = 0; j < kCols; ++j) {
      const float y = found[static_cast<std::size_t>(i * kCols) + j];
      if (j < n) {
        CHECK(std::fabs(static_cast<double>(y) - expected[j]) < 1e-6);
      } else {
        CHECK(y == 0);
      }
    }
  }
}

template <typename Seen>
std::vector<float> planted(const Seen& seen) {
  std::vector<float> x = random_floats(kRows * kCols, 1, 3);
  for (int i = 0; i < kRows; ++i) {
    for (int j = static_cast<int>(seen(i)); j < kCols; ++j) {
      x[static_cast<std::size_t>(i * kCols + j)] = NAN;
    }
  }
  return x;
}

}  // namespace

TEST_CASE("a length per row: the softmax of what is seen, zeros beyond, NaN there never read") {
  const auto seen = [](int row) { return row % (kCols + 1); };
  const std::vector<float> x = planted(seen);
  std::vector<std::int32_t> lengths;
  for (int i = 0; i < kRows; ++i) lengths.push_back(seen(i));
  TestMatrix values(kRows, kCols, x), counts = TestMatrix::ids(lengths);
  const Tensor in[] = {values.tensor(), counts.tensor(DType::kI32)};
  TestMatrix found = run_row_wise(
      MaskedSoftmaxOp({.lengths_input = 1, .lengths_per = LengthsPer::kQuery}), in, kCols);
  std::vector<float> rows;
  for (int i = 0; i < kRows; ++i) {
    for (int j = 0; j < kCols; ++j) rows.push_back(found.at(i, j));
  }
  check_rows(rows, x, seen);
}

TEST_CASE("a length per sequence, a causal rule, and both") {
  const std::vector<int> sequences{1, 70, 2, 3, 64, 10};
  const std::vector<std::int32_t> lengths{0, 5, 21, 1, 20, 2};
  const Sequences rows(sequences);
  const auto sequence_of = [&](int row) {
    std::size_t s = 0;
    while (rows.offsets[s + 1] <= row) ++s;
    return s;
  };
  for (const bool causal : {false, true}) {
    for (const bool limited : {false, true}) {
      if (!causal && !limited) continue;
      const auto seen = [&](int row) {
        const std::size_t s = sequence_of(row);
        const int by_length = limited ? lengths[s] : kCols;
        return causal ? std::min(by_length, row - rows.offsets[s] + 1) : by_length;
      };
      const std::vector<float> x = planted(seen);
      std::vector<MixingInput> in{{.cols = kCols, .f32 = x, .lengths = sequences}};
      if (limited) in.push_back({.i32 = lengths, .lengths = {1, 1, 1, 1, 1, 1}});
      const MaskedSoftmaxOp op(
          {.keys = causal ? KeyRule::kCausal : KeyRule::kAll, .lengths_input = limited ? 1 : -1});
      check_rows(run_mixing(op, in, {{kRows, kCols}})[0], x, seen);
    }
  }
}

TEST_CASE("masked softmax refuses lengths of another row space, naming both") {
  const MaskedSoftmaxOp op({.lengths_input = 1, .lengths_per = LengthsPer::kQuery});
  CHECK(infer_error(op, {f32_value(0, 4), i32_value(3, 1)})
            .find("expected the row space of q, 0, found 3") != std::string::npos);
  CHECK(infer_error(op, {f32_value(0, 4), f32_value(0, 1)}).find("expected I32") !=
        std::string::npos);
}

}  // namespace weft::test
