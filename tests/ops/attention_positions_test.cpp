// Disentangled attention: the operator against its definition in double; which rows a distance
// takes is transformers' affair and compared in tests/runtime/disentangled_test.cpp.
#include "ops/attention.h"
#include "tests/failure.h"
#include "tests/ops/attention_case.h"

namespace weft::test {
namespace {

enum class Terms { kContentToPosition, kPositionToContent, kBoth };

// Distances up to `single` have rows of their own; from there to `radius` every `repeat` share one.
PositionRows rows_of(std::int64_t single, std::int64_t radius, std::int64_t repeat) {
  PositionRows rows;
  rows.radius = radius;
  std::vector<std::int64_t> places;
  for (std::int64_t distance = -radius; distance <= radius; ++distance) {
    const std::int64_t far = std::abs(distance);
    const std::int64_t place = far <= single ? far : single + (far - single + repeat - 1) / repeat;
    places.push_back(distance < 0 ? -place : place);
  }
  for (std::int64_t place : places) {
    rows.by_distance.push_back(static_cast<std::int32_t>(place - places[0]));
  }
  for (std::int32_t i = 0; i <= rows.by_distance.back(); ++i) rows.used.push_back(i);
  return rows;
}

AttentionCase disentangled(const std::vector<int>& lengths, KeyRule rule, Terms terms,
                           const PositionRows& rows, std::int64_t size = 16) {
  AttentionCase test{.query_lengths = lengths,
                     .key_lengths = lengths,
                     .heads = 2,
                     .qk_size = size,
                     .v_size = size,
                     .keys = rule,
                     .scale = 0.2f,
                     .position_rows = rows};
  const std::size_t elements = rows.used.size() * static_cast<std::size_t>(2 * size);
  if (terms != Terms::kPositionToContent) test.position_keys = random_floats(elements, 50);
  if (terms != Terms::kContentToPosition) test.position_queries = random_floats(elements, 51);
  return test.fill(52);
}

TEST_CASE("disentangled attention equals its definition, each term alone and both") {
  for (KeyRule rule : kRules) {
    for (Terms terms : {Terms::kContentToPosition, Terms::kPositionToContent, Terms::kBoth}) {
      for (const PositionRows& rows :
           {rows_of(400, 400, 1), rows_of(3, 3, 1), rows_of(20, 90, 3), rows_of(0, 0, 1)}) {
        check_against_reference(disentangled({1, 2, 7, 16, 33, 64, 150, 300}, rule, terms, rows));
      }
    }
  }
}

TEST_CASE("disentangled attention for every head size and number of rows") {
  for (std::int64_t size = 1; size <= 40; ++size) {
    CAPTURE(size);
    check_against_reference(
        disentangled({19, 45}, KeyRule::kAll, Terms::kBoth, rows_of(size, size + 4, 2), size));
  }
  for (int length = 1; length <= 70; ++length) {
    CAPTURE(length);
    check_against_reference(
        disentangled({length}, KeyRule::kAll, Terms::kBoth, rows_of(16, 40, 4)));
  }
}

TEST_CASE("position terms with a window, lengths and another number of keys than of queries") {
  for (KeyRule rule : kRules) {
    for (std::int64_t window : {0, 25}) {
      AttentionCase test =
          disentangled({70, 3, 40, 170, 290}, rule, Terms::kBoth, rows_of(10, 30, 2));
      test.key_lengths = {20, 90, 40, 300, 150};
      test.window = window;
      test.lengths = {18, 90, 0, 299, 140};
      check_against_reference(test.fill(53));
    }
  }
}

TEST_CASE("NaN in keys that are not seen stays out of the position terms") {
  AttentionCase clean = disentangled({60}, KeyRule::kAll, Terms::kBoth, rows_of(10, 30, 2));
  clean.lengths = {41};
  const AttentionResult expected = run_attention(clean);
  AttentionCase bad = clean;
  std::fill(bad.k.begin() + 41 * 32, bad.k.end(), NAN);
  std::fill(bad.v.begin() + 41 * 32, bad.v.end(), NAN);
  CHECK(same_bits(run_attention(bad).context, expected.context));
  bad.k[40 * 32] = NAN;  // head 0
  const AttentionResult found = run_attention(bad);
  for (std::size_t i = 0; i < found.context.size(); ++i) {
    CHECK(std::isnan(found.context[i]) == (i % 32 < 16));
  }
}

TEST_CASE("position terms of keys that a query does not see do not reach it") {
  for (KeyRule rule : kRules) {
    for (const std::int64_t window : {0, 10}) {
      AttentionCase test = disentangled({100, 33}, rule, Terms::kBoth, rows_of(10, 30, 2));
      test.window = window;
      check_unseen_keys_contribute_nothing(test);
    }
  }
}

TEST_CASE("disentangled attention gives the same bits alone and in a batch, on many threads") {
  check_same_bits_alone(
      disentangled({7, 1, 33, 200, 50, 32, 2}, KeyRule::kAll, Terms::kBoth, rows_of(20, 90, 3)));
}

TEST_CASE("each position term counts as a product of queries and the rows that they meet") {
  const Sequences tokens({10, 3});
  const RowsView views[]{tokens.view(), tokens.view(), tokens.view()};
  const Tensor in[2]{};
  RunContext context;
  context.in = in;
  context.in_rows = views;
  context.end = 1;  // of one item
  AttentionParameters parameters{.heads = 2, .q_cols = 16, .v_cols = 8};
  const auto flops = [&] { return AttentionOp(parameters).work(context).flops; };
  CHECK(flops() == 2 * (10 * 10 + 3 * 3) * (16 + 8));
  parameters.position_rows = rows_of(2, 2, 1);  // 5 rows
  parameters.position_queries_input = 3;
  const double with_queries = flops();
  parameters.position_keys_input = 4;
  CHECK(flops() - with_queries == 2 * (10 * 5 + 3 * 3) * 16);
}

TEST_CASE("position tables name what does not fit") {
  WEFT_CHECK_FAILS(position_rows("attention", 0, 0), "INVALID_ARGUMENT",
                   "[attention] max_distance: expected 1 to 1048576, found 0");
  WEFT_CHECK_FAILS(position_rows("attention", 256, 100), "INVALID_ARGUMENT",
                   "[attention] buckets: expected 0 (none) or 4 to less than 198, found 256");
  WEFT_CHECK_FAILS(position_rows("attention", -1, 100), "INVALID_ARGUMENT", "found -1");
  AttentionParameters parameters{.heads = 3, .q_cols = 12, .v_cols = 12, .position_keys_input = 3};
  parameters.position_rows = rows_of(2, 2, 1);
  const ValueInfo x{.rows = 0, .cols = 12};
  const auto infer = [&](std::int64_t rows, std::int64_t cols) {
    const ValueInfo in[]{x, x, x, {.rows = 1, .fixed_rows = rows, .cols = cols}};
    return AttentionOp(parameters).infer(in);
  };
  CHECK(infer(3, 20).size() == 2);
  WEFT_CHECK_FAILS(infer(3, 16), "INVALID_ARGUMENT",
                   "[attention] position_keys: expected 3 x 20, found 3 x 16");
}

}  // namespace
}  // namespace weft::test
