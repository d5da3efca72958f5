// Which keys a query sees, and what is added to their scores: windows, key lengths, biases by
// distance, with every key rule, alone and in batches.
#include "ops/attention.h"
#include "tests/failure.h"
#include "tests/ops/attention_case.h"

namespace weft::test {
namespace {

// A table of distances up to `radius`, so small that the reference's softmax keeps its precision.
std::vector<float> distance_table(std::int64_t heads, std::int64_t radius) {
  return random_floats(static_cast<std::size_t>(heads * (2 * radius + 1)), 77);
}

// Each query row a length of its own, 0 and all keys among them.
std::vector<std::int32_t> lengths_per_query(const AttentionCase& test) {
  std::vector<std::int32_t> lengths;
  for (std::size_t s = 0; s < test.query_lengths.size(); ++s) {
    for (int i = 0; i < test.query_lengths[s]; ++i) {
      lengths.push_back((i * 7 + static_cast<int>(s) * 3) % (test.key_lengths[s] + 1));
    }
  }
  return lengths;
}

TEST_CASE("a window shows only the keys around a query, for every length and width") {
  for (KeyRule rule : kRules) {
    for (int window : {1, 2, 15, 16, 17, 40, 64, 500}) {
      CAPTURE(window);
      AttentionCase test = self_attention({1, 2, 31, 32, 33, 70, 129, 260}, rule);
      test.window = window;
      check_against_reference(test.fill(static_cast<std::uint32_t>(window)));
    }
  }
}

TEST_CASE("a window with head sizes that no vector divides") {
  for (std::int64_t size : {1, 7, 24, 33}) {
    AttentionCase test = self_attention({90, 5}, KeyRule::kAll);
    test.qk_size = size;
    test.v_size = 35 - size;
    test.window = 9;
    check_against_reference(test.fill(21));
  }
}

TEST_CASE("a window over sequences of different numbers of queries and keys") {
  for (KeyRule rule : kRules) {
    AttentionCase test = self_attention({}, rule);
    test.query_lengths = {5, 60, 1, 100};
    test.key_lengths = {60, 5, 100, 70};
    test.window = 8;
    check_against_reference(test.fill(22));
  }
}

TEST_CASE("a window's scratch does not grow with the sequence") {
  const auto bytes = [](std::int64_t window, std::int64_t longest) {
    const auto op = AttentionOp({.heads = 1, .q_cols = 64, .v_cols = 64, .window = window})
                        .compile(make_compile_context(isa_under_test(), GemmBackend::kNative));
    return op->scratch_bytes({.longest = longest});
  };
  CHECK(bytes(64, 8192) == bytes(64, 512));
  CHECK(bytes(0, 8192) > bytes(0, 512));
}

TEST_CASE("a bias by distance is added to scaled scores, the outermost beyond its table") {
  for (KeyRule rule : kRules) {
    for (std::int64_t radius : {0, 1, 5, 40, 300}) {
      CAPTURE(radius);
      AttentionCase test = self_attention({1, 2, 15, 33, 64, 150}, rule);
      test.bias = distance_table(2, radius);
      check_against_reference(test.fill(23));
      test.scale = 1;
      test.qk_size = 2;
      check_against_reference(test.fill(24));
    }
  }
}

TEST_CASE("a bias by distance over different numbers of queries and keys") {
  for (KeyRule rule : kRules) {
    AttentionCase test = self_attention({}, rule);
    test.query_lengths = {5, 60, 1, 33};
    test.key_lengths = {60, 5, 100, 32};
    test.bias = distance_table(2, 50);
    check_against_reference(test.fill(25));
  }
}

TEST_CASE("key lengths per sequence and per query row, 0 included") {
  for (KeyRule rule : kRules) {
    AttentionCase test = self_attention({}, rule);
    test.query_lengths = {1, 40, 33, 7, 20};
    test.key_lengths = {1, 40, 50, 90, 20};
    test.lengths = {1, 0, 17, 90, 19};
    check_against_reference(test.fill(26));
    test.lengths = lengths_per_query(test);
    test.lengths_per = LengthsPer::kQuery;
    check_against_reference(test.fill(27));
  }
}

TEST_CASE("window, bias and lengths together") {
  for (KeyRule rule : kRules) {
    AttentionCase test = self_attention({70, 1, 33, 200}, rule);
    test.window = 20;
    test.bias = distance_table(2, 12);
    test.lengths = lengths_per_query(test);
    test.lengths_per = LengthsPer::kQuery;
    check_against_reference(test.fill(28));
  }
}

TEST_CASE("queries before the first key and beyond the last see nothing in a window") {
  AttentionCase test = self_attention({}, KeyRule::kAll);
  test.query_lengths = {90};
  test.key_lengths = {10};
  test.window = 4;
  const AttentionResult found = run_attention(test.fill(29), Weights::kYes);
  for (std::size_t i = 14 * 32; i < 90 * 32; ++i) CHECK(found.context[i] == 0);
}

TEST_CASE("NaN and infinity in keys that a query does not see do not reach it") {
  for (KeyRule rule : kRules) {
    AttentionCase test = self_attention({100, 33}, rule);
    test.window = 10;
    test.bias = distance_table(2, 6);
    check_unseen_keys_contribute_nothing(test);
  }
}

TEST_CASE("windows, biases and lengths give the same bits alone and in a batch, on many threads") {
  for (KeyRule rule : kRules) {
    AttentionCase batch = self_attention({7, 1, 33, 300, 50, 32, 2, 129}, rule);
    batch.window = 24;
    batch.bias = distance_table(2, 16);
    batch.fill(31);
    batch.lengths = lengths_per_query(batch);
    batch.lengths_per = LengthsPer::kQuery;
    check_same_bits_alone(batch);
  }
}

TEST_CASE("attention names what does not fit of its biases, windows and lengths") {
  const ValueInfo x{.rows = 0, .cols = 12};
  const auto infer = [&](AttentionParameters parameters, std::vector<ValueInfo> more) {
    parameters.heads = 3;
    parameters.q_cols = parameters.v_cols = 12;
    std::vector<ValueInfo> in{x, x, x};
    in.insert(in.end(), more.begin(), more.end());
    return AttentionOp(parameters).infer(in);
  };
  WEFT_CHECK_FAILS(infer({.window = -1}, {}), "INVALID_ARGUMENT",
                   "[attention] window: expected 0 (none) to 2147483647, found -1");
  const AttentionParameters biased{.bias_input = 3};
  CHECK(infer(biased, {{.rows = 1, .fixed_rows = 3, .cols = 5}}).size() == 2);
  WEFT_CHECK_FAILS(infer(biased, {{.rows = 1, .fixed_rows = 4, .cols = 5}}), "INVALID_ARGUMENT",
                   "[attention] distance_bias: expected 3 fixed rows, one per head, found 4");
  WEFT_CHECK_FAILS(infer(biased, {{.rows = 0, .cols = 5}}), "INVALID_ARGUMENT",
                   "expected 3 fixed rows, one per head, found ragged rows");
  WEFT_CHECK_FAILS(infer(biased, {{.rows = 1, .fixed_rows = 3, .cols = 6}}), "INVALID_ARGUMENT",
                   "expected an odd number of columns, distances -R to R, found 6");
  const AttentionParameters counted{.lengths_input = 3, .lengths_per = LengthsPer::kQuery};
  CHECK(infer(counted, {{.rows = 0, .cols = 1, .dtype = DType::kI32}}).size() == 2);
  WEFT_CHECK_FAILS(infer(counted, {{.rows = 0, .cols = 1}}), "INVALID_ARGUMENT",
                   "key_lengths: expected I32 of 1 column, found F32 of 1");
  WEFT_CHECK_FAILS(infer(counted, {{.rows = 2, .cols = 1, .dtype = DType::kI32}}),
                   "INVALID_ARGUMENT", "key_lengths: expected the row space of q, 0, found 2");
}

}  // namespace
}  // namespace weft::test
