// Attention in bfloat16 at the level under test; with the baseline, avx512 and amx also over
// emulated tiles. On the other levels there is none.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "ops/simd/kernels.h"
#include "tests/isa_under_test.h"
#include "tests/ops/attention_case.h"
#include "tests/ops/emulated_attention.h"
#include "tests/ops/nearest_bf16.h"

namespace weft::test {
namespace {

constexpr double kRounding = 0x1p-9;  // the relative error of a number rounded to bfloat16

std::vector<const simd::AttentionKernels*> candidates() {
  std::vector<const simd::AttentionKernels*> result;
  const Isa isa = isa_under_test();
  if (simd::bf16_attention(isa) != nullptr) result.push_back(simd::bf16_attention(isa));
  if (isa == Isa::kBaseline) result.push_back(&simd::kBf16AttentionEmulated);
  if (isa == Isa::kAvx512 || isa == Isa::kAmx) {
    result.push_back(&simd::kBf16AttentionEmulatedAvx512);
  }
  return result;
}

double largest(const std::vector<float>& x) {
  double result = 0;
  for (float value : x) result = std::max(result, std::fabs(static_cast<double>(value)));
  return result;
}

/// The case as the products see it: k, v, and the queries after scaling to powers of two, rounded.
AttentionCase rounded(AttentionCase test) {
  const float scale = test.scale != 0
                          ? test.scale
                          : static_cast<float>(1 / std::sqrt(static_cast<double>(test.qk_size)));
  const auto factor = static_cast<float>(static_cast<double>(scale) / std::log(2.0));
  for (float x : test.q) test.product_q.push_back(nearest_bf16(x * factor) / factor);
  for (float x : test.k) test.product_k.push_back(nearest_bf16(x));
  for (float& x : test.v) x = static_cast<float>(nearest_bf16(x));
  return test;
}

/// Against the definition in double of what is left once k, v and queries are rounded: weights as
/// close as in f32, and a context in which each weight is rounded once more.
void check_rounded(AttentionCase test) {
  for (const simd::AttentionKernels* kernels : candidates()) {
    CAPTURE(kernels->name);
    test.kernels = kernels;
    const AttentionCase seen = rounded(test);
    const AttentionReference expected = reference_attention(seen);
    const AttentionResult found = run_attention(test, Weights::kYes);
    check_close(found.weights, expected.weights, kAttentionTolerance);
    check_close(found.context, expected.context,
                kAttentionTolerance + 1.01 * kRounding * largest(seen.v));
    CHECK(same_bits(found.context, run_attention(test).context));
  }
}

TEST_CASE("bf16 attention is as close to its definition as roundings of its factors allow") {
  for (const simd::AttentionKernels* kernels : candidates()) {
    AttentionCase test = self_attention({7, 1, 33, 16, 50, 32, 2, 17, 31, 100});
    test.heads = 3;
    test.qk_size = test.v_size = 32;
    test.kernels = kernels;
    test.fill(1);
    // A score is off by its terms' magnitudes times two roundings, a weight by a factor of twice
    // that in the exponent, a context by that and by the roundings of weight and value.
    const double norm = largest(test.q) * largest(test.k) * std::sqrt(32.0);
    const double score_error = 2.01 * kRounding * norm;
    const double weight_error = std::expm1(2 * score_error);
    const AttentionReference expected = reference_attention(test);
    const AttentionResult found = run_attention(test, Weights::kYes);
    check_close(found.weights, expected.weights, weight_error);
    check_close(found.context, expected.context,
                (weight_error + 2.01 * kRounding) * largest(test.v));
    check_rounded(test);
  }
}

TEST_CASE("bf16 attention equals its rounded definition for every head size") {
  for (std::int64_t size = 1; size <= 67; ++size) {
    CAPTURE(size);
    AttentionCase test = self_attention({19, 1});
    test.qk_size = size;
    test.v_size = size;
    check_rounded(test.fill(static_cast<std::uint32_t>(size)));
    test.v_size = 68 - size;
    check_rounded(test.fill(static_cast<std::uint32_t>(size)));
  }
}

TEST_CASE("bf16 attention equals its rounded definition for every number of queries and keys") {
  for (KeyRule rule : kRules) {
    for (int count = 1; count <= 67; ++count) {
      for (int other : {1, 15, 16, 17, 33, 67}) {
        CAPTURE(count);
        CAPTURE(other);
        AttentionCase test{.query_lengths = {count, other},
                           .key_lengths = {other, count},
                           .qk_size = 5,
                           .v_size = 9,
                           .keys = rule};
        check_rounded(test.fill(static_cast<std::uint32_t>(100 * count + other)));
      }
    }
  }
}

TEST_CASE("bf16 attention over many keys, and queries without any") {
  for (KeyRule rule : kRules) {
    AttentionCase test{.query_lengths = {260, 3, 2, 40},
                       .key_lengths = {260, 700, 0, 7},
                       .qk_size = 33,
                       .v_size = 18,
                       .keys = rule};
    check_rounded(test.fill(2));
  }
}

TEST_CASE("windows, biases by distance and key lengths in bf16 attention") {
  for (KeyRule rule : kRules) {
    for (int window : {0, 1, 16, 31, 40, 64}) {
      CAPTURE(window);
      AttentionCase test = self_attention({1, 2, 31, 33, 70, 260}, rule);
      test.window = window;
      check_rounded(test.fill(3));
      test.bias = random_floats(2 * 41, 77);
      check_rounded(test);
      test.query_lengths = {5, 60, 1, 100, 30, 64};
      test.key_lengths = {60, 5, 100, 70, 30, 200};
      test.fill(4);
      test.lengths = {60, 4, 0, 70, 17, 129};
      check_rounded(test);
      test.lengths.clear();
      test.lengths_per = LengthsPer::kQuery;
      for (std::size_t s = 0; s < test.query_lengths.size(); ++s) {
        for (int i = 0; i < test.query_lengths[s]; ++i) {
          test.lengths.push_back(i * 7 % (test.key_lengths[s] + 1));
        }
      }
      check_rounded(test);
    }
  }
}

TEST_CASE("position terms stay in f32 beside bf16 attention") {
  PositionRows rows;
  rows.radius = 40;
  for (std::int32_t i = 0; i <= 80; ++i) {
    rows.by_distance.push_back(i / 2);
    if (i % 2 == 0) rows.used.push_back(i / 2);
  }
  for (KeyRule rule : kRules) {
    AttentionCase test = self_attention({1, 7, 16, 33, 150}, rule);
    test.position_rows = rows;
    test.scale = 0.2f;
    test.position_keys = random_floats(rows.used.size() * 32, 50);
    check_rounded(test.fill(5));
    test.position_queries = random_floats(rows.used.size() * 32, 51);
    check_rounded(test);
    test.window = 25;
    test.lengths = {1, 5, 0, 30, 149};
    check_rounded(test);
  }
}

TEST_CASE("a sequence gives bf16 attention's same bits alone and in a batch, next to NaN") {
  for (const simd::AttentionKernels* kernels : candidates()) {
    for (const auto& [rule, window] : {std::pair{KeyRule::kAll, 0}, std::pair{KeyRule::kAll, 20},
                                       std::pair{KeyRule::kCausal, 0}}) {
      AttentionCase batch = self_attention({7, 1, 33, 300, 50, 32, 2, 129}, rule);
      batch.heads = 3;
      batch.qk_size = 40;
      batch.window = window;
      batch.kernels = kernels;
      batch.fill(6);
      const Sequences all(batch.query_lengths);
      for (int threads : {1, 2, 16}) {
        batch.threads = threads;
        AttentionCase spoiled = batch;  // sequence 4, of 50 rows
        const float bad = threads == 2 ? INFINITY : NAN;
        for (auto [rows, cols] :
             {std::pair{&spoiled.q, 120}, std::pair{&spoiled.k, 120}, std::pair{&spoiled.v, 48}}) {
          std::fill(rows->begin() + all.offsets[4] * cols, rows->begin() + all.offsets[5] * cols,
                    bad);
        }
        const AttentionResult found = run_attention(batch), next_to = run_attention(spoiled);
        for (std::size_t s = 0; s < batch.query_lengths.size(); ++s) {
          CAPTURE(s);
          const std::vector<float> expected = run_attention(alone(batch, s)).context;
          CHECK(same_bits(rows_of_sequence(found.context, batch.query_lengths, s, 48), expected));
          if (s == 4) continue;
          CHECK(same_bits(rows_of_sequence(next_to.context, batch.query_lengths, s, 48), expected));
        }
      }
    }
  }
}

TEST_CASE("a query gives bf16 attention's same bits whatever other queries its sequence has") {
  for (const simd::AttentionKernels* kernels : candidates()) {
    for (std::int64_t window : {0, 11}) {
      AttentionCase test{.query_lengths = {77},
                         .key_lengths = {77},
                         .qk_size = 32,
                         .v_size = 20,
                         .keys = KeyRule::kCausal,
                         .window = window,
                         .kernels = kernels};
      test.fill(7);
      const AttentionResult all = run_attention(test);
      // With the causal rule the last query stays at the last key.
      for (int first : {1, 15, 31, 32, 40, 76}) {
        AttentionCase part = test;
        part.query_lengths = {77 - first};
        part.q.erase(part.q.begin(), part.q.begin() + first * 32);
        const std::vector<float> rest(all.context.begin() + first * 20, all.context.end());
        CHECK(same_bits(run_attention(part).context, rest));
      }
    }
  }
}

TEST_CASE("keys that bf16 attention does not see contribute nothing, NaN or infinity") {
  for (const simd::AttentionKernels* kernels : candidates()) {
    for (KeyRule rule : kRules) {
      AttentionCase test = self_attention({100, 33}, rule);
      test.window = 10;
      test.kernels = kernels;
      check_unseen_keys_contribute_nothing(test);
    }
  }
}

TEST_CASE("NaN and infinity among the values reach their own column of those who see them") {
  for (const simd::AttentionKernels* kernels : candidates()) {
    AttentionCase test = self_attention({20, 20});
    test.kernels = kernels;
    test.fill(9);
    const AttentionResult clean = run_attention(test);
    AttentionCase bad = test;
    bad.v[3 * 32 + 2] = NAN;                // key 3, head 0, column 2
    bad.v[(20 + 7) * 32 + 17] = -INFINITY;  // sequence 1, key 7, head 1, column 1
    const AttentionResult found = run_attention(bad);
    for (int row = 0; row < 40; ++row) {
      for (int column = 0; column < 32; ++column) {
        const float x = found.context[row * 32 + column];
        if (row < 20 && column == 2) {
          CHECK(std::isnan(x));
        } else if (row >= 20 && column == 17) {
          CHECK(x == -INFINITY);
        } else {
          CHECK(x == clean.context[row * 32 + column]);
        }
      }
    }
  }
}

TEST_CASE("values too large for bfloat16 stay finite") {
  AttentionCase test = self_attention({40});
  test.fill(10);
  test.v[35 * 32 + 4] = std::numeric_limits<float>::max();
  const AttentionReference expected = reference_attention(rounded(test));
  for (const simd::AttentionKernels* kernels : candidates()) {
    test.kernels = kernels;
    const AttentionResult found = run_attention(test, Weights::kYes);
    for (int row = 0; row < 40; ++row) {
      const double weight = expected.weights[row * 80 + 35];
      const double value = found.context[row * 32 + 4];
      CHECK(std::fabs(value / std::numeric_limits<float>::max() - weight) < 1e-5);
    }
  }
}

TEST_CASE("bf16 attention's scratch does not grow with the sequence where there is a window") {
  for (const simd::AttentionKernels* kernels : candidates()) {
    const auto bytes = [&](std::int64_t window, std::int64_t longest) {
      CompileContext context = make_compile_context(isa_under_test(), GemmBackend::kNative);
      context.attention = kernels;
      return AttentionOp({.heads = 1, .q_cols = 64, .v_cols = 64, .window = window})
          .compile(context)
          ->scratch_bytes({.longest = longest});
    };
    CHECK(bytes(64, 8192) == bytes(64, 512));
    CHECK(bytes(0, 8192) > bytes(0, 512));
  }
}

TEST_CASE("bf16 attention can be had beside reduced precision where the level has bf16") {
  for (ComputeType dtype : {ComputeType::kF32, ComputeType::kBf16, ComputeType::kInt8}) {
    const bool is_bf16 = dtype != ComputeType::kF32 && isa_under_test() >= Isa::kAvx512Bf16;
    CHECK(attention_available(isa_under_test(), dtype, ComputeType::kBf16) == is_bf16);
    CHECK(attention_available(isa_under_test(), dtype, ComputeType::kF32));
    CHECK(!attention_available(isa_under_test(), dtype, ComputeType::kInt8));
    const ComputeType attention = is_bf16 ? ComputeType::kBf16 : ComputeType::kF32;
    const auto op = AttentionOp({.heads = 1, .q_cols = 8, .v_cols = 8})
                        .compile(make_compile_context(isa_under_test(), GemmBackend::kNative, dtype,
                                                      attention));
    CHECK(op->kernel().empty() == !is_bf16);
  }
}

TEST_CASE("attention over emulated tiles and over the tile registers computes the same bits") {
  if (isa_under_test() != Isa::kAmx) {
    MESSAGE("SKIPPED: the level under test is not amx");
    return;
  }
  const auto both = candidates();
  for (const auto& [size, window] : {std::pair{24, 0}, std::pair{70, 9}}) {
    AttentionCase test = self_attention({1, 17, 70});
    test.qk_size = test.v_size = size;
    test.window = window;
    test.fill(11, 3);
    test.kernels = both[0];
    const AttentionResult real = run_attention(test, Weights::kYes);
    test.kernels = both[1];
    const AttentionResult emulated = run_attention(test, Weights::kYes);
    CHECK(same_bits(real.context, emulated.context));
    CHECK(same_bits(real.weights, emulated.weights));
  }
}

}  // namespace
}  // namespace weft::test
