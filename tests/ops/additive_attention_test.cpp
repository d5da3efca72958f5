#include "ops/additive_attention.h"

#include "tests/failure.h"
#include "tests/ops/mixing_case.h"
#include "tests/ops/run_op.h"

namespace weft::test {
namespace {

struct AdditiveCase {
  std::vector<int> query_lengths, key_lengths;
  std::int64_t size = 8, v_size = 5;
  KeyRule keys = KeyRule::kAll;
  std::vector<std::int32_t> lengths{};
  LengthsPer lengths_per = LengthsPer::kSequence;
  int threads = 1;
  std::vector<float> q{}, k{}, v{}, weights{};

  AdditiveCase& fill(std::uint32_t seed, float magnitude = 1) {
    const auto width = static_cast<std::size_t>(size);
    q = random_floats(Sequences(query_lengths).rows() * width, seed, magnitude);
    k = random_floats(Sequences(key_lengths).rows() * width, seed + 1, magnitude);
    v = random_floats(Sequences(key_lengths).rows() * static_cast<std::size_t>(v_size), seed + 2);
    weights = random_floats(width, seed + 3, 1 / std::sqrt(static_cast<float>(size)));
    return *this;
  }
};

struct AdditiveResult {
  std::vector<float> context, weights;
};

AdditiveResult run_additive(const AdditiveCase& test, Weights weights = Weights::kYes) {
  const AdditiveAttentionOp op(
      {.weights = Weight::from_memory("w_v", {1, test.size}, test.weights.data()),
       .keys = test.keys,
       .lengths_input = test.lengths.empty() ? -1 : 3,
       .lengths_per = test.lengths_per});
  std::vector<MixingInput> in{{.cols = test.size, .f32 = test.q, .lengths = test.query_lengths},
                              {.cols = test.size, .f32 = test.k, .lengths = test.key_lengths},
                              {.cols = test.v_size, .f32 = test.v, .lengths = test.key_lengths}};
  if (!test.lengths.empty()) in.push_back({.i32 = test.lengths, .lengths = test.query_lengths});
  const auto rows = static_cast<std::int64_t>(Sequences(test.query_lengths).rows());
  const std::int64_t longest = Sequences(test.key_lengths).longest;
  const auto out = run_mixing(
      op, in, {{rows, test.v_size}, {weights == Weights::kYes ? rows : 0, longest}}, test.threads);
  return {out[0], out[1]};
}

/// The definition, in double.
void check_against_definition(const AdditiveCase& test, double tolerance = 2e-6) {
  const Sequences queries(test.query_lengths), keys(test.key_lengths);
  std::vector<double> context(queries.rows() * static_cast<std::size_t>(test.v_size));
  std::vector<double> attention(queries.rows() * static_cast<std::size_t>(keys.longest));
  for (std::size_t s = 0; s < test.query_lengths.size(); ++s) {
    for (std::int64_t i = 0; i < test.query_lengths[s]; ++i) {
      const std::int64_t row = queries.offsets[s] + i;
      std::int64_t seen = test.key_lengths[s];
      if (test.keys == KeyRule::kCausal) {
        seen = std::max<std::int64_t>(0, i + test.key_lengths[s] - test.query_lengths[s] + 1);
      }
      if (!test.lengths.empty()) {
        const bool per_query = test.lengths_per == LengthsPer::kQuery;
        seen = std::min<std::int64_t>(seen,
                                      test.lengths[per_query ? static_cast<std::size_t>(row) : s]);
      }
      std::vector<double> scores;
      for (std::int64_t j = 0; j < seen; ++j) {
        double score = 0;
        for (std::int64_t c = 0; c < test.size; ++c) {
          score += static_cast<double>(test.weights[c]) *
                   std::tanh(static_cast<double>(test.q[row * test.size + c]) +
                             test.k[(keys.offsets[s] + j) * test.size + c]);
        }
        scores.push_back(score);
      }
      const std::vector<double> weights = softmax(scores);
      for (std::int64_t j = 0; j < seen; ++j) {
        attention[row * keys.longest + j] = weights[j];
        for (std::int64_t c = 0; c < test.v_size; ++c) {
          context[row * test.v_size + c] +=
              weights[j] * test.v[(keys.offsets[s] + j) * test.v_size + c];
        }
      }
    }
  }
  const AdditiveResult found = run_additive(test);
  check_close(found.context, context, tolerance);
  check_close(found.weights, attention, tolerance);
  CHECK(same_bits(found.context, run_additive(test, Weights::kNo).context));
}

}  // namespace

TEST_CASE("additive attention equals its definition at every width") {
  for (std::int64_t size = 1; size <= 70; ++size) {
    CAPTURE(size);
    AdditiveCase test{.query_lengths = {3, 1}, .key_lengths = {5, 9}, .size = size};
    test.v_size = 1 + size % 20;
    check_against_definition(test.fill(static_cast<std::uint32_t>(size)));
  }
}

TEST_CASE("additive attention equals its definition on ragged queries and keys, with any rule") {
  const std::vector<int> lengths{7, 1, 33, 16, 1, 50};
  AdditiveCase test{.query_lengths = lengths, .key_lengths = {3, 1, 33, 40, 2, 60}, .size = 24};
  for (KeyRule rule : {KeyRule::kAll, KeyRule::kCausal}) {
    test.keys = rule;
    check_against_definition(test.fill(1));
    test.lengths = {0, 1, 20, 7, 2, 60};
    check_against_definition(test);
    test.lengths_per = LengthsPer::kQuery;
    test.lengths.assign(Sequences(lengths).rows(), 1);
    test.lengths[0] = 0;
    test.lengths[9] = 30;
    check_against_definition(test);
    test.lengths.clear();
    test.lengths_per = LengthsPer::kSequence;
  }
}

TEST_CASE("tanh saturates: huge projections are as good as their signs") {
  AdditiveCase test{.query_lengths = {4}, .key_lengths = {6}, .size = 40};
  check_against_definition(test.fill(5, 100), 4e-6);
  test.fill(6);
  for (float& x : test.k) x = x > 0 ? 3e38f : -3e38f;
  for (float& x : test.q) x = 0;
  check_against_definition(test);
}

TEST_CASE("NaN in keys and values beyond the length reaches no query") {
  AdditiveCase clean{.query_lengths = {3, 2}, .key_lengths = {5, 7}, .size = 20};
  clean.fill(7);
  clean.lengths = {2, 0};
  const AdditiveResult expected = run_additive(clean);
  AdditiveCase planted = clean;
  for (int key : {2, 3, 4, 5, 6, 7, 8, 9, 10, 11}) {
    for (int c = 0; c < 20; ++c) planted.k[static_cast<std::size_t>(key * 20 + c)] = NAN;
    for (int c = 0; c < 5; ++c) planted.v[static_cast<std::size_t>(key * 5 + c)] = NAN;
  }
  const AdditiveResult found = run_additive(planted);
  CHECK(same_bits(found.context, expected.context));
  CHECK(same_bits(found.weights, expected.weights));
  for (std::size_t i = 15; i < 25; ++i) CHECK(found.context[i] == 0);
  for (std::size_t i = 21; i < 35; ++i) CHECK(found.weights[i] == 0);
}

TEST_CASE("a sequence gets the same bits alone, in a batch and from any number of threads") {
  AdditiveCase batch{
      .query_lengths = {40, 1, 70}, .key_lengths = {90, 300, 64}, .size = 256, .v_size = 33};
  batch.fill(8);
  const AdditiveResult all = run_additive(batch);
  batch.threads = 7;
  const AdditiveResult threaded = run_additive(batch);
  CHECK(same_bits(all.context, threaded.context));
  for (std::size_t s = 0; s < 3; ++s) {
    AdditiveCase single = batch;
    single.threads = 2;
    single.query_lengths = {batch.query_lengths[s]};
    single.key_lengths = {batch.key_lengths[s]};
    single.q = rows_of_sequence(batch.q, batch.query_lengths, s, batch.size);
    single.k = rows_of_sequence(batch.k, batch.key_lengths, s, batch.size);
    single.v = rows_of_sequence(batch.v, batch.key_lengths, s, batch.v_size);
    CHECK(same_bits(run_additive(single).context,
                    rows_of_sequence(all.context, batch.query_lengths, s, batch.v_size)));
  }
}

TEST_CASE("additive attention refuses what does not fit, naming both sides") {
  const std::vector<float> values(12, 1.0f);
  const AdditiveAttentionOp op({.weights = Weight::from_memory("w_v", {1, 4}, values.data())});
  std::vector<ValueInfo> in{f32_value(0, 4), f32_value(1, 4), f32_value(1, 3)};
  CHECK(op.infer(in)[0].cols == 3);
  in[1].cols = 6;
  CHECK(infer_error(op, in).find("q with 4 columns, k with 6") != std::string::npos);
  in[0].cols = 6;
  CHECK(infer_error(op, in).find("w_v: expected 6 elements, one per column of q and k, found [1, "
                                 "4]") != std::string::npos);
  in = {f32_value(0, 4), f32_value(1, 4), f32_value(0, 3)};
  CHECK(infer_error(op, in).find("found k in 1, v in 0") != std::string::npos);
}

}  // namespace weft::test
