#include "ops/pool.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "tests/ops/run_op.h"
#include "tests/reference.h"

namespace weft::test {
namespace {

constexpr Pooling kPoolings[] = {Pooling::kCls,          Pooling::kMax,
                                 Pooling::kMean,         Pooling::kMeanSqrtLen,
                                 Pooling::kWeightedMean, Pooling::kLastToken};

// Column-wise, in double, over rows [first, last) of a sequence whose first row is `start`.
double pooled(Pooling pooling, TestMatrix& x, std::int64_t start, std::int64_t first,
              std::int64_t last, std::int64_t col) {
  if (first >= last) return 0;
  double sum = 0, most = -INFINITY, weighted = 0, weights = 0;
  for (std::int64_t row = first; row < last; ++row) {
    const double value = x.at(row, col);
    const auto position = static_cast<double>(row - start + 1);
    sum += value;
    most = std::max(most, value);
    weighted += position * value;
    weights += position;
  }
  const auto count = static_cast<double>(last - first);
  switch (pooling) {
    case Pooling::kCls: return x.at(first, col);
    case Pooling::kMax: return most;
    case Pooling::kMean: return sum / count;
    case Pooling::kMeanSqrtLen: return sum / std::sqrt(count);
    case Pooling::kWeightedMean: return weighted / weights;
    case Pooling::kLastToken: return x.at(last - 1, col);
  }
  return NAN;
}

struct Batch {
  std::vector<std::int32_t> offsets, by_length;
  RowsView view;

  explicit Batch(const std::vector<std::int32_t>& lengths) : offsets(1, 0) {
    for (std::int32_t length : lengths) offsets.push_back(offsets.back() + length);
    by_length.resize(lengths.size());
    std::iota(by_length.begin(), by_length.end(), 0);
    std::stable_sort(by_length.begin(), by_length.end(),
                     [&](std::int32_t a, std::int32_t b) { return lengths[a] > lengths[b]; });
    view.offsets = offsets;
    view.by_length = by_length;
    view.longest = lengths.empty() ? 0 : *std::max_element(lengths.begin(), lengths.end());
  }
  std::int64_t rows() const { return offsets.back(); }
};

// The op's result on all sequences, items in two parts.
TestMatrix run_pool(Pooling pooling, TestMatrix& x, const Batch& batch,
                    const std::vector<std::int32_t>& skips = {}) {
  const std::unique_ptr<Op> op = PoolOp(pooling, 1).compile(compile_context_under_test());
  CHECK_FALSE(op->row_wise());
  TestMatrix y(batch.view.sequences(), x.cols), skip = TestMatrix::ids(skips);
  std::vector<Tensor> in{x.tensor()};
  if (!skips.empty()) in.push_back(skip.tensor(DType::kI32));
  const Tensor out = y.tensor();
  RunContext context;
  const std::vector<RowsView> views(in.size(), batch.view);
  context.in = in;
  context.in_rows = views;
  context.out = {&out, 1};
  const std::int64_t items = op->items(context);
  CHECK(items == batch.view.sequences());
  for (const auto& [begin, end] : {std::pair{items / 2, items}, {std::int64_t{0}, items / 2}}) {
    context.begin = begin;
    context.end = end;
    if (begin < end) CHECK(op->work(context).bytes > 0);
    op->run(context);
  }
  return y;
}

}  // namespace

TEST_CASE("the six poolings equal their definitions on a ragged batch, with and without skips") {
  const std::vector<std::int32_t> lengths{5, 1, 130, 17, 2, 64};
  const Batch batch(lengths);
  TestMatrix x(batch.rows(), 37, random_floats(static_cast<std::size_t>(batch.rows() * 37), 30));
  for (const std::vector<std::int32_t>& skips :
       {std::vector<std::int32_t>{}, {0, 0, 3, 16, 1, 63}, {2, 1, 0, 99, 2, 1}}) {
    for (Pooling pooling : kPoolings) {
      CAPTURE(std::string(to_string(pooling)));
      TestMatrix y = run_pool(pooling, x, batch, skips);
      double worst = 0;
      for (std::size_t s = 0; s < lengths.size(); ++s) {
        const std::int64_t start = batch.offsets[s], last = batch.offsets[s + 1];
        const std::int64_t skip = skips.empty() ? 0 : skips[s];
        for (std::int64_t col = 0; col < 37; ++col) {
          const double expected =
              pooled(pooling, x, start, std::min(start + skip, last), last, col);
          const auto row = static_cast<std::int64_t>(s);
          worst = std::max(worst, std::fabs(y.at(row, col) - expected));
        }
      }
      // Sums of 130 values of size 1: 130 roundings of at most 2^-21, over 11 for the square root.
      CHECK(worst < 6e-6);
    }
  }
}

TEST_CASE("a sequence whose rows are all skipped gives zeros, NaN in them or not") {
  const Batch batch({2, 3});
  TestMatrix x(5, 20, std::vector<float>(100, NAN));
  for (std::int64_t col = 0; col < 20; ++col) x.at(4, col) = 2;
  for (Pooling pooling : kPoolings) {
    CAPTURE(std::string(to_string(pooling)));
    TestMatrix y = run_pool(pooling, x, batch, {2, 2});
    for (std::int64_t col = 0; col < 20; ++col) {
      CHECK(y.at(0, col) == 0.0f);
      CHECK(y.at(1, col) == doctest::Approx(2.0f));
    }
  }
}

TEST_CASE("a sequence pools to the same bits whatever stands around it") {
  const std::vector<float> values = random_floats(23 * 50, 31);
  TestMatrix alone(23, 50, values);
  std::vector<float> surrounded = random_floats(7 * 50, 32);
  surrounded.insert(surrounded.end(), values.begin(), values.end());
  const std::vector<float> after = random_floats(90 * 50, 33);
  surrounded.insert(surrounded.end(), after.begin(), after.end());
  TestMatrix batch(120, 50, surrounded);
  for (Pooling pooling : kPoolings) {
    TestMatrix single = run_pool(pooling, alone, Batch({23}));
    TestMatrix three = run_pool(pooling, batch, Batch({7, 23, 90}));
    CHECK(std::memcmp(&single.at(0, 0), &three.at(1, 0), 50 * 4) == 0);
  }
}

TEST_CASE("pool changes the row space and names a skip that does not fit") {
  const PoolOp op(Pooling::kMean, 5);
  const ValueInfo out = op.infer(std::vector{f32_value(2, 8)})[0];
  CHECK(out.rows == 5);
  CHECK(out.cols == 8);
  CHECK(op.label() == "mean");
  infer_error(op, {});
  infer_error(op, {i32_value(2, 8)});
  infer_error(op, {f32_value(5, 8)});
  CHECK(infer_error(op, {f32_value(2, 8), i32_value(2, 1)}).find("skip") != std::string::npos);
  infer_error(op, {f32_value(2, 8), f32_value(5, 1)});
  infer_error(op, {f32_value(2, 8), i32_value(5, 2)});
}

}  // namespace weft::test
