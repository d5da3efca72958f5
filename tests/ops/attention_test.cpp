#include "ops/attention.h"

#include "tests/failure.h"
#include "tests/ops/attention_case.h"

namespace weft::test {
namespace {

const std::vector<int> kRagged{7, 1, 33, 16, 1, 50, 32, 2, 17, 31, 100};

std::vector<float> product(const std::vector<float>& a, const std::vector<float>& b,
                           std::int64_t rows, std::int64_t inner, std::int64_t cols) {
  std::vector<float> c(static_cast<std::size_t>(rows * cols));
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < cols; ++j) {
      double sum = 0;
      for (std::int64_t n = 0; n < inner; ++n) {
        sum += static_cast<double>(a[i * inner + n]) * b[n * cols + j];
      }
      c[i * cols + j] = static_cast<float>(sum);
    }
  }
  return c;
}

TEST_CASE("attention equals its definition on ragged self-attention") {
  AttentionCase test{
      .query_lengths = kRagged, .key_lengths = kRagged, .heads = 3, .qk_size = 32, .v_size = 32};
  check_against_reference(test.fill(1));
}

TEST_CASE("attention equals its definition for every head size") {
  for (std::int64_t size = 1; size <= 70; ++size) {
    CAPTURE(size);
    AttentionCase test{.query_lengths = {19, 1},
                       .key_lengths = {19, 1},
                       .heads = 2,
                       .qk_size = size,
                       .v_size = size};
    check_against_reference(test.fill(static_cast<std::uint32_t>(size)));
    test.v_size = 71 - size;
    check_against_reference(test.fill(static_cast<std::uint32_t>(size)));
  }
}

TEST_CASE("attention equals its definition for every number of queries and keys") {
  for (KeyRule rule : {KeyRule::kAll, KeyRule::kCausal}) {
    for (int queries = 1; queries <= 40; ++queries) {
      for (int keys : {1, 2, 13, 14, 15, 29, 40, 130}) {
        CAPTURE(queries);
        CAPTURE(keys);
        AttentionCase test{.query_lengths = {queries},
                           .key_lengths = {keys},
                           .qk_size = 5,
                           .v_size = 9,
                           .keys = rule};
        check_against_reference(test.fill(static_cast<std::uint32_t>(100 * queries + keys)));
      }
    }
  }
}

TEST_CASE("attention equals its definition across many chunks of keys") {
  for (KeyRule rule : {KeyRule::kAll, KeyRule::kCausal}) {
    AttentionCase test{.query_lengths = {1025, 3},
                       .key_lengths = {1025, 700},
                       .qk_size = 16,
                       .v_size = 48,
                       .keys = rule};
    check_against_reference(test.fill(3));
  }
}

TEST_CASE("causal attention aligns the last query with the last key and gives zeros before") {
  AttentionCase test{.query_lengths = {5, 40, 3},
                     .key_lengths = {2, 7, 9},
                     .heads = 2,
                     .qk_size = 4,
                     .v_size = 3,
                     .keys = KeyRule::kCausal};
  test.fill(4);
  check_against_reference(test);
  const AttentionResult found = run_attention(test, Weights::kYes);
  for (std::size_t i = 0; i < 3 * 6; ++i) CHECK(found.context[i] == 0);
  for (std::size_t i = 0; i < 3 * 2 * 9; ++i) CHECK(found.weights[i] == 0);
}

TEST_CASE("a query without keys gives zeros") {
  AttentionCase test{.query_lengths = {3, 2}, .key_lengths = {0, 4}, .heads = 2};
  check_against_reference(test.fill(5));
  AttentionCase empty{.query_lengths = {0, 2}, .key_lengths = {3, 0}, .heads = 2};
  check_against_reference(empty.fill(6));
}

TEST_CASE("a long row of scores far apart neither overflows nor loses its largest weights") {
  AttentionCase test{
      .query_lengths = {70}, .key_lengths = {70}, .heads = 2, .qk_size = 16, .v_size = 16};
  // Scores reach 400, whose own rounding, 400 * 6e-8 * sqrt(16), is what the exponential sees.
  check_against_reference(test.fill(7, 10), 2e-4);
}

TEST_CASE("the textbook's unscaled self-attention") {
  const std::vector<float> x{1, 0, 1, 0, 0, 2, 0, 2, 1, 1, 1, 1};
  AttentionCase test{
      .query_lengths = {3}, .key_lengths = {3}, .qk_size = 3, .v_size = 3, .scale = 1};
  test.q = product(x, {1, 0, 1, 1, 0, 0, 0, 0, 1, 0, 1, 1}, 3, 4, 3);
  test.k = product(x, {0, 0, 1, 1, 1, 0, 0, 1, 0, 1, 1, 0}, 3, 4, 3);
  test.v = product(x, {0, 2, 0, 0, 3, 0, 1, 0, 3, 1, 1, 0}, 3, 4, 3);
  CHECK(test.v == std::vector<float>{1, 2, 3, 2, 8, 0, 2, 6, 3});
  check_close(
      run_attention(test).context,
      {1.936621, 6.683105, 1.595068, 1.999994, 7.963992, 0.053976, 1.999705, 7.759892, 0.358389},
      1e-6);
}

TEST_CASE("the textbook's scaled self-attention") {
  const std::vector<float> x{.1f, .2f, .3f, .4f, .5f, .6f, .7f, .8f, .9f};
  AttentionCase test{.query_lengths = {3}, .key_lengths = {3}, .qk_size = 3, .v_size = 3};
  test.q = product(x, x, 3, 3, 3);
  test.k = product(x, {.1f, .3f, .5f, .2f, .4f, .6f, .3f, .5f, .7f}, 3, 3, 3);
  test.v = test.q;
  const AttentionResult found = run_attention(test, Weights::kYes);
  check_close(found.weights,
              {.258158, .327182, .414661, .177550, .303535, .518915, .115956, .267401, .616643},
              1e-6);
  check_close(found.context,
              {.716341, .880426, 1.044511, .782891, .963614, 1.144337, .840248, 1.035309, 1.230371},
              1e-6);
}

TEST_CASE("NaN in keys that a query may not see does not reach it") {
  for (int length : {5, 33, 70}) {
    AttentionCase clean{.query_lengths = {length},
                        .key_lengths = {length},
                        .heads = 2,
                        .qk_size = 24,
                        .v_size = 16,
                        .keys = KeyRule::kCausal};
    clean.fill(8);
    const AttentionResult expected = run_attention(clean, Weights::kYes);
    for (int first_bad = 1; first_bad < length; first_bad += 3) {
      CAPTURE(length);
      CAPTURE(first_bad);
      AttentionCase bad = clean;
      std::fill(bad.k.begin() + first_bad * 48, bad.k.end(), NAN);
      std::fill(bad.v.begin() + first_bad * 32, bad.v.end(), NAN);
      const AttentionResult found = run_attention(bad, Weights::kYes);
      const auto part = [](const std::vector<float>& x, std::int64_t n) {
        return std::vector<float>(x.begin(), x.begin() + n);
      };
      CHECK(same_bits(part(found.context, first_bad * 32), part(expected.context, first_bad * 32)));
      const std::int64_t weights = first_bad * 2 * length;
      CHECK(same_bits(part(found.weights, weights), part(expected.weights, weights)));
      CHECK(std::isnan(found.context.back()));
    }
  }
}

TEST_CASE("NaN in a visible key's values reaches every query of its head and no other") {
  AttentionCase test{.query_lengths = {20, 20}, .key_lengths = {20, 20}, .heads = 2};
  test.fill(9);
  const AttentionResult clean = run_attention(test);
  test.k[3 * 16 + 2] = NAN;  // key 3, head 0
  const AttentionResult found = run_attention(test);
  for (std::size_t i = 0; i < found.context.size(); ++i) {
    const bool hit = i < 20 * 16 && i % 16 < 8;
    CHECK(std::isnan(found.context[i]) == hit);
    if (!hit) CHECK(found.context[i] == clean.context[i]);
  }
}

TEST_CASE("a sequence gives the same bits alone and in a batch, next to NaN, on many threads") {
  for (KeyRule rule : {KeyRule::kAll, KeyRule::kCausal}) {
    for (std::int64_t size : {24, 32}) {
      AttentionCase batch{.query_lengths = kRagged,
                          .key_lengths = kRagged,
                          .heads = 3,
                          .qk_size = size,
                          .v_size = size,
                          .keys = rule};
      batch.query_lengths.push_back(300);
      batch.key_lengths.push_back(300);
      batch.fill(10);
      const std::int64_t cols = batch.heads * size;
      std::vector<std::vector<float>> expected;
      for (std::size_t s = 0; s < batch.query_lengths.size(); ++s) {
        expected.push_back(run_attention(alone(batch, s)).context);
      }
      for (int threads : {1, 2, 3, 8, 64}) {
        CAPTURE(threads);
        batch.threads = threads;
        const AttentionResult found = run_attention(batch);
        for (std::size_t s = 0; s < expected.size(); ++s) {
          CAPTURE(s);
          CHECK(same_bits(rows_of_sequence(found.context, batch.query_lengths, s, cols),
                          expected[s]));
        }
      }
      const Sequences all(batch.query_lengths);
      const std::size_t spoiled = 5;  // 50 rows
      for (std::vector<float>* rows : {&batch.q, &batch.k, &batch.v}) {
        std::fill(rows->begin() + all.offsets[spoiled] * cols,
                  rows->begin() + all.offsets[spoiled + 1] * cols, NAN);
      }
      const AttentionResult found = run_attention(batch);
      for (std::size_t s = 0; s < expected.size(); ++s) {
        if (s == spoiled) continue;
        CHECK(
            same_bits(rows_of_sequence(found.context, batch.query_lengths, s, cols), expected[s]));
      }
    }
  }
}

TEST_CASE("a query gives the same bits whatever other queries its sequence has") {
  AttentionCase test{.query_lengths = {77}, .key_lengths = {90}, .qk_size = 32, .v_size = 20};
  test.fill(11);
  const AttentionResult all = run_attention(test);
  for (int first : {0, 1, 15, 31, 32, 40, 76}) {
    AttentionCase part = test;
    part.query_lengths = {77 - first};
    part.q.erase(part.q.begin(), part.q.begin() + first * 32);
    const std::vector<float> rest(all.context.begin() + first * 20, all.context.end());
    CHECK(same_bits(run_attention(part).context, rest));
  }
}

TEST_CASE("attention names both sides of what does not fit") {
  const auto infer = [](AttentionParameters parameters, ValueInfo q, ValueInfo k, ValueInfo v) {
    const ValueInfo in[] = {q, k, v};
    return AttentionOp(parameters).infer(in);
  };
  const ValueInfo value{.rows = 0, .cols = 12};
  ValueInfo other = value;
  const std::vector<ValueInfo> out = infer({3, 12, 12}, value, value, value);
  REQUIRE(out.size() == 2);
  CHECK(out[0].cols == 12);
  CHECK_FALSE(out[0].per_key);
  CHECK(out[1].cols == 3);
  CHECK(out[1].per_key);

  other.cols = 9;
  WEFT_CHECK_FAILS(infer({3, 12, 12}, value, other, value), "INVALID_ARGUMENT",
                   "[attention] expected q and k of one head size, found q with 12 columns (head "
                   "size 4), k with 9 (head size 3)");
  WEFT_CHECK_FAILS(infer({5, 12, 12}, value, value, value), "INVALID_ARGUMENT",
                   "[attention] expected columns divisible by 5 heads, found q with 12 and v with");
  WEFT_CHECK_FAILS(infer({0, 12, 12}, value, value, value), "INVALID_ARGUMENT",
                   "[attention] heads: expected at least 1, found 0");
  WEFT_CHECK_FAILS(infer({3, 12, 12, NAN}, value, value, value), "INVALID_ARGUMENT",
                   "[attention] scale: expected a finite number, found nan");
  other = value;
  other.rows = 1;
  WEFT_CHECK_FAILS(infer({3, 12, 12}, value, other, value), "INVALID_ARGUMENT",
                   "[attention] expected k and v in one row space, found k in 1, v in 0");
  other.fixed_rows = 4;
  WEFT_CHECK_FAILS(infer({3, 12, 12}, value, other, other), "INVALID_ARGUMENT",
                   "found q in a ragged one, k in a fixed one");
  other = value;
  other.dtype = DType::kI32;
  WEFT_CHECK_FAILS(infer({3, 12, 12}, other, value, value), "INVALID_ARGUMENT", "[attention] q");
}

}  // namespace
}  // namespace weft::test
