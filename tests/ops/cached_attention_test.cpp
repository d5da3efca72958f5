#include "ops/cached_attention.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "ops/simd/kernels.h"
#include "tests/guarded_buffer.h"
#include "tests/ops/run_op.h"
#include "tests/reference.h"

namespace weft::test {
namespace {

/// Queries that list rows of a cache; q, keys and values are random and may be changed before run.
struct CachedCase {
  std::vector<std::vector<std::int32_t>> lists;
  std::int64_t cache_rows = 40;
  std::int64_t heads = 1, qk_size = 8, v_size = 8;
  float scale = 0;
  std::vector<std::int32_t> new_rows{};  // empty: nothing is appended
  std::vector<float> bias{};             // (heads, odd); empty: none
  int threads = 1;
  std::vector<float> q{}, keys{}, values{}, new_keys{}, new_values{};

  std::int64_t qk_cols() const { return heads * qk_size; }
  std::int64_t v_cols() const { return heads * v_size; }
  std::int64_t queries() const { return static_cast<std::int64_t>(lists.size()); }
  CachedCase& fill(std::uint32_t seed, float magnitude = 1) {
    const auto size = [](std::int64_t rows, std::int64_t cols) {
      return static_cast<std::size_t>(rows * cols);
    };
    q = random_floats(size(queries(), qk_cols()), seed, magnitude);
    keys = random_floats(size(cache_rows, qk_cols()), seed + 1, magnitude);
    values = random_floats(size(cache_rows, v_cols()), seed + 2);
    new_keys = random_floats(size(queries(), qk_cols()), seed + 3, magnitude);
    new_values = random_floats(size(queries(), v_cols()), seed + 4);
    return *this;
  }
};

struct CachedResult {
  std::vector<float> context, weights, keys, values;
};

/// All items, the last first, each input ending at a page without access; scratch is NaN before
/// each item.
CachedResult run_cached(const CachedCase& test) {
  const std::int64_t n = test.queries();
  std::vector<std::int32_t> offsets{0}, listed, order(test.lists.size()), single(n + 1);
  std::int64_t longest = 0;
  for (const auto& list : test.lists) {
    listed.insert(listed.end(), list.begin(), list.end());
    offsets.push_back(static_cast<std::int32_t>(listed.size()));
    longest = std::max(longest, static_cast<std::int64_t>(list.size()));
  }
  std::iota(order.begin(), order.end(), 0);
  std::iota(single.begin(), single.end(), 0);
  const RowsView lists{offsets, order, longest}, queries{single, order, 1};
  GuardedBuffer<float> q(test.q), keys(test.keys), values(test.values), bias(test.bias);
  GuardedBuffer<float> new_keys(test.new_keys), new_values(test.new_values);
  GuardedBuffer<std::int32_t> rows(listed), new_rows(test.new_rows);
  GuardedBuffer<float> context(static_cast<std::size_t>(n * test.v_cols()));
  GuardedBuffer<float> weights(static_cast<std::size_t>(n * test.heads * longest));
  for (float& x : context.values()) x = NAN;
  for (float& x : weights.values()) x = NAN;
  CachedAttentionParameters parameters{.heads = test.heads,
                                       .q_cols = test.qk_cols(),
                                       .v_cols = test.v_cols(),
                                       .scale = test.scale,
                                       .has_bias = !test.bias.empty()};
  const std::int64_t qk = test.qk_cols(), v = test.v_cols();
  std::vector<Tensor> in{{q.data(), n, qk, qk},
                         {rows.data(), offsets.back(), 1, 1, DType::kI32},
                         {keys.data(), test.cache_rows, qk, qk},
                         {values.data(), test.cache_rows, v, v}};
  std::vector<RowsView> views{queries, lists, {}, {}};
  if (!test.new_rows.empty()) {
    parameters.append = Append::kYes;
    in.insert(in.end(), {Tensor{new_keys.data(), n, qk, qk}, Tensor{new_values.data(), n, v, v},
                         Tensor{new_rows.data(), n, 1, 1, DType::kI32}});
    views.resize(views.size() + 3);
  }
  if (!test.bias.empty()) {
    const auto cols = static_cast<std::int64_t>(test.bias.size()) / test.heads;
    in.push_back({bias.data(), test.heads, cols, cols});
    views.push_back({});
  }
  const auto op = CachedAttentionOp(parameters).compile(compile_context_under_test());
  const Tensor out[] = {{context.data(), n, v, v},
                        {weights.data(), n, test.heads * longest, test.heads * longest}};
  const Buffer scratch(op->scratch_bytes({.longest = longest, .threads = 1}));
  RunContext run;
  run.in = in;
  run.out = out;
  run.in_rows = views;
  run.out_rows = queries;
  run.threads = test.threads;
  run_items_backwards(*op, run, scratch);
  const auto copy = [](GuardedBuffer<float>& from) {
    return std::vector<float>(from.data(), from.data() + from.size());
  };
  return {copy(context), copy(weights), copy(keys), copy(values)};
}

/// The definition, in double.
void check_against_definition(const CachedCase& given) {
  CachedCase test = given;
  for (std::size_t r = 0; r < test.new_rows.size(); ++r) {
    const auto to = static_cast<std::size_t>(test.new_rows[r]);
    std::copy_n(test.new_keys.begin() + r * test.qk_cols(), test.qk_cols(),
                test.keys.begin() + to * test.qk_cols());
    std::copy_n(test.new_values.begin() + r * test.v_cols(), test.v_cols(),
                test.values.begin() + to * test.v_cols());
  }
  const CachedResult found = run_cached(given);
  CHECK(found.keys == test.keys);
  CHECK(found.values == test.values);
  std::size_t longest = 0;
  for (const auto& list : test.lists) longest = std::max(longest, list.size());
  const double scale =
      test.scale == 0 ? 1 / std::sqrt(static_cast<double>(test.qk_size)) : test.scale;
  const auto bias_cols = static_cast<std::int64_t>(test.bias.size()) / test.heads;
  double worst = 0;
  for (std::int64_t r = 0; r < test.queries(); ++r) {
    const auto& list = test.lists[r];
    for (std::int64_t h = 0; h < test.heads; ++h) {
      std::vector<double> scores;
      for (std::size_t j = 0; j < list.size(); ++j) {
        double dot = 0;
        for (std::int64_t c = 0; c < test.qk_size; ++c) {
          dot += static_cast<double>(test.q[r * test.qk_cols() + h * test.qk_size + c]) *
                 test.keys[list[j] * test.qk_cols() + h * test.qk_size + c];
        }
        scores.push_back(dot * scale);
        if (bias_cols > 0) {
          const std::int64_t distance =
              static_cast<std::int64_t>(j) - static_cast<std::int64_t>(list.size()) + 1;
          scores.back() +=
              test.bias[h * bias_cols + std::max<std::int64_t>(0, bias_cols / 2 + distance)];
        }
      }
      const std::vector<double> weights = softmax(scores);
      for (std::size_t j = 0; j < longest; ++j) {
        const double expected = j < list.size() ? weights[j] : 0;
        const double weight = found.weights[(r * test.heads + h) * longest + j];
        worst = std::max(worst, std::fabs(weight - expected));
        if (std::isnan(weight)) worst = INFINITY;
      }
      for (std::int64_t c = 0; c < test.v_size; ++c) {
        double sum = 0;
        for (std::size_t j = 0; j < list.size(); ++j) {
          sum += weights[j] * test.values[list[j] * test.v_cols() + h * test.v_size + c];
        }
        const double context = found.context[r * test.v_cols() + h * test.v_size + c];
        worst = std::max(worst, std::fabs(context - sum));
        if (std::isnan(context)) worst = INFINITY;
      }
    }
  }
  // Scores are sums of qk_size products of order one: the bound of attention's own test.
  CHECK(worst <= 4e-6);
}

std::vector<std::vector<std::int32_t>> some_lists() {
  return {{3}, {5, 1, 2, 0}, {39, 38, 37, 36, 35}, {}, {7, 7, 7}, {0, 9, 8, 4, 2, 6, 30, 31, 5}};
}

}  // namespace

TEST_CASE("cached attention equals the definition for every head size up to two vectors and 3") {
  for (std::int64_t size = 1; size <= 35; ++size) {
    CAPTURE(size);
    CachedCase test{.lists = some_lists(), .heads = 3, .qk_size = size, .v_size = 36 - size};
    check_against_definition(test.fill(static_cast<std::uint32_t>(size)));
  }
  for (std::int64_t size : {64, 80, 128}) {
    CachedCase test{.lists = some_lists(), .heads = 2, .qk_size = size, .v_size = size};
    check_against_definition(test.fill(static_cast<std::uint32_t>(size)));
  }
}

TEST_CASE("what a query appends is written before it looks") {
  CachedCase test{.lists = {{0, 1, 20}, {21}, {1, 0, 5, 22}},
                  .heads = 2,
                  .qk_size = 5,
                  .v_size = 19,
                  .new_rows = {20, 21, 22}};
  check_against_definition(test.fill(3));
  test.threads = 8;
  check_against_definition(test);
}

TEST_CASE("a bias by distance counts back from the last key listed") {
  for (std::int64_t radius : {0, 1, 3, 40}) {
    CachedCase test{.lists = some_lists(), .heads = 2, .scale = 1};
    test.bias = random_floats(static_cast<std::size_t>(2 * (2 * radius + 1)), 5);
    check_against_definition(test.fill(6));
  }
}

TEST_CASE("rows that a query does not list are never read, and it gives the same bits anywhere") {
  CachedCase test{.lists = some_lists(), .heads = 3, .qk_size = 21, .v_size = 17};
  const CachedResult together = run_cached(test.fill(7));
  test.threads = 8;  // by heads
  CHECK(run_cached(test).context == together.context);
  for (std::size_t r = 0; r < test.lists.size(); ++r) {
    CachedCase alone = test;
    // Its rows lie elsewhere, with NaN around them.
    alone.lists = {{}};
    std::fill(alone.keys.begin(), alone.keys.end(), NAN);
    std::fill(alone.values.begin(), alone.values.end(), NAN);
    for (std::size_t j = 0; j < test.lists[r].size(); ++j) {
      const auto from = test.lists[r][j];
      const auto to = static_cast<std::int32_t>(2 * j + 1);
      alone.lists[0].push_back(to);
      std::copy_n(test.keys.begin() + from * 63, 63, alone.keys.begin() + to * 63);
      std::copy_n(test.values.begin() + from * 51, 51, alone.values.begin() + to * 51);
    }
    alone.q.assign(test.q.begin() + r * 63, test.q.begin() + (r + 1) * 63);
    alone.new_keys = alone.new_values = {};
    const CachedResult one = run_cached(alone);
    CHECK(std::memcmp(one.context.data(), together.context.data() + r * 51, 51 * 4) == 0);
  }
}

TEST_CASE("a query without keys gives zeros, and NaN in a key reaches its readers alone") {
  CachedCase test{.lists = {{}, {1, 2}, {3}}};
  test.fill(8);
  test.values[3 * 8] = NAN;
  const CachedResult result = run_cached(test);
  for (int c = 0; c < 8; ++c) CHECK(result.context[c] == 0);
  for (int c = 8; c < 16; ++c) CHECK(std::isfinite(result.context[c]));
  CHECK(std::isnan(result.context[16]));
}

TEST_CASE("cached attention refuses inputs that do not fit, naming both sides") {
  const CachedAttentionOp op({.heads = 2, .q_cols = 8, .v_cols = 6});
  const auto inputs = [](std::int64_t q, std::int64_t k, std::int64_t v) {
    return std::vector<ValueInfo>{f32_value(0, q), i32_value(1, 1), f32_value(2, k),
                                  f32_value(2, v)};
  };
  CHECK(op.infer(inputs(8, 8, 6))[0].cols == 6);
  CHECK(infer_error(op, inputs(8, 10, 6)).find("q with 8 columns, keys with 10") !=
        std::string::npos);
  CHECK(infer_error(op, inputs(7, 7, 6)).find("2 heads, found q with 7") != std::string::npos);
  auto other = inputs(8, 8, 6);
  other[3].rows = 3;
  CHECK(infer_error(op, other).find("one row space, found 2 and 3") != std::string::npos);
  other = inputs(8, 8, 6);
  other[1] = f32_value(1, 1);
  CHECK(infer_error(op, other).find("key_rows: expected I32 of 1 column, found F32") !=
        std::string::npos);
  const CachedAttentionOp appending({.heads = 2, .q_cols = 8, .v_cols = 6, .append = Append::kYes});
  other = inputs(8, 8, 6);
  other.insert(other.end(), {f32_value(0, 8), f32_value(0, 5), i32_value(0, 1)});
  CHECK(infer_error(appending, other).find("new_values with 6, found 8 and 5") !=
        std::string::npos);
  other[5] = f32_value(4, 6);
  CHECK(infer_error(appending, other).find("expected") != std::string::npos);
  const CachedAttentionOp biased({.heads = 2, .q_cols = 8, .v_cols = 6, .has_bias = true});
  other = inputs(8, 8, 6);
  other.push_back(f32_value(5, 3));
  CHECK(infer_error(biased, other).find("distance_bias: expected 2 fixed rows") !=
        std::string::npos);
}

}  // namespace weft::test
