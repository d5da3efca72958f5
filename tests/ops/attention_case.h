// A ragged batch of queries, keys and values, the op run on it, and attention in naive double.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <vector>

#include "ops/attention.h"
#include "ops/buffer.h"
#include "tests/guarded_buffer.h"
#include "tests/isa_under_test.h"
#include "tests/ops/run_op.h"
#include "tests/reference.h"

namespace weft::test {

/// Sequences stacked as rows, as a run sees them.
struct Sequences {
  std::vector<std::int32_t> offsets{0};
  std::vector<std::int32_t> by_length;
  std::int64_t longest = 0;

  explicit Sequences(const std::vector<int>& lengths) : by_length(lengths.size()) {
    for (int length : lengths) {
      offsets.push_back(offsets.back() + length);
      longest = std::max<std::int64_t>(longest, length);
    }
    std::iota(by_length.begin(), by_length.end(), 0);
    std::stable_sort(by_length.begin(), by_length.end(),
                     [&](auto a, auto b) { return lengths[a] > lengths[b]; });
  }
  std::size_t rows() const { return static_cast<std::size_t>(offsets.back()); }
  RowsView view() const { return {offsets, by_length, longest}; }
};

/// What one test varies; q, k and v are random and may be changed before run().
struct AttentionCase {
  std::vector<int> query_lengths{}, key_lengths{};
  std::int64_t heads = 1, qk_size = 8, v_size = 8;
  KeyRule keys = KeyRule::kAll;
  float scale = 0;
  int threads = 1;
  std::int64_t window = 0;
  std::vector<float> bias{};            // (heads, odd); empty: none
  std::vector<std::int32_t> lengths{};  // per query or per sequence; empty: none
  LengthsPer lengths_per = LengthsPer::kSequence;
  PositionRows position_rows{};
  std::vector<float> position_keys{}, position_queries{};  // (used rows, heads * qk_size); or empty
  std::vector<float> q{}, k{}, v{};                        // row-major, without gaps
  const simd::AttentionKernels* kernels = nullptr;         // null: f32 of the level under test
  // What the reference's product of q and k takes in their place; empty: q and k.
  std::vector<double> product_q{}, product_k{};

  AttentionCase& fill(std::uint32_t seed, float magnitude = 1) {
    const auto qk_cols = static_cast<std::size_t>(heads * qk_size);
    const auto v_cols = static_cast<std::size_t>(heads * v_size);
    q = random_floats(Sequences(query_lengths).rows() * qk_cols, seed, magnitude);
    k = random_floats(Sequences(key_lengths).rows() * qk_cols, seed + 1, magnitude);
    v = random_floats(Sequences(key_lengths).rows() * v_cols, seed + 2);
    return *this;
  }
  AttentionParameters parameters() const {
    AttentionParameters result{.heads = heads,
                               .q_cols = heads * qk_size,
                               .v_cols = heads * v_size,
                               .scale = scale,
                               .keys = keys,
                               .window = window,
                               .lengths_per = lengths_per};
    int next = 3;
    if (!bias.empty()) result.bias_input = next++;
    if (!lengths.empty()) result.lengths_input = next++;
    if (!position_keys.empty()) result.position_keys_input = next++;
    if (!position_queries.empty()) result.position_queries_input = next++;
    result.position_rows = position_rows;
    return result;
  }
  // The position keys head by head; likewise the position queries, 32 of them as columns, where
  // what follows the last is read but must not matter.
  std::vector<float> position_rows_of_heads() const {
    std::vector<float> result;
    for (std::int64_t head = 0; head < heads; ++head) {
      for (auto at = head * qk_size; at < std::ssize(position_keys); at += heads * qk_size) {
        const auto row = position_keys.begin() + at;
        result.insert(result.end(), row, row + qk_size);
      }
    }
    return result;
  }
  std::vector<float> position_panels_of_heads() const {
    const auto rows = std::ssize(position_queries) / (heads * qk_size);
    const auto panels = (rows + 31) / 32;
    std::vector<float> result(static_cast<std::size_t>(heads * panels * qk_size * 32), NAN);
    for (std::int64_t i = 0; i < std::ssize(position_queries); ++i) {
      const std::int64_t row = i / (heads * qk_size), head = i / qk_size % heads, c = i % qk_size;
      const std::int64_t panel = head * panels + row / 32;
      result[static_cast<std::size_t>((panel * qk_size + c) * 32 + row % 32)] = position_queries[i];
    }
    return result;
  }
  std::int64_t bias_cols() const { return static_cast<std::int64_t>(bias.size()) / heads; }
};

inline constexpr KeyRule kRules[]{KeyRule::kAll, KeyRule::kCausal};

/// Two heads of 16 columns.
inline AttentionCase self_attention(const std::vector<int>& lengths, KeyRule rule = KeyRule::kAll) {
  return {.query_lengths = lengths,
          .key_lengths = lengths,
          .heads = 2,
          .qk_size = 16,
          .v_size = 16,
          .keys = rule};
}

struct AttentionResult {
  std::vector<float> context;  // (query rows, heads * v_size)
  std::vector<float> weights;  // (query rows, heads * longest keys); empty unless asked for
};

enum class Weights { kNo, kYes };

/// Runs all items, the last first, each input ending at a page without access. Scratch is filled
/// with NaN before each item: nothing may be read that the item did not write.
inline AttentionResult run_attention(const AttentionCase& test, Weights weights = Weights::kNo) {
  const Sequences queries(test.query_lengths), keys(test.key_lengths);
  GuardedBuffer<float> q(test.q), k(test.k), v(test.v);
  const std::int64_t qk_cols = test.heads * test.qk_size, v_cols = test.heads * test.v_size;
  const auto query_rows = static_cast<std::int64_t>(queries.rows());
  const auto key_rows = static_cast<std::int64_t>(keys.rows());
  GuardedBuffer<float> context(queries.rows() * static_cast<std::size_t>(v_cols));
  const std::int64_t weights_cols = weights == Weights::kYes ? test.heads * keys.longest : 0;
  GuardedBuffer<float> weight_rows(queries.rows() * static_cast<std::size_t>(weights_cols));
  for (float& x : context.values()) x = NAN;
  for (float& x : weight_rows.values()) x = NAN;

  const Isa isa = isa_under_test();
  CompileContext compile = make_compile_context(isa, GemmBackend::kNative);
  if (test.kernels != nullptr) compile.attention = test.kernels;
  const auto op = AttentionOp(test.parameters()).compile(compile);
  std::vector<Tensor> in{{q.data(), query_rows, qk_cols, qk_cols},
                         {k.data(), key_rows, qk_cols, qk_cols},
                         {v.data(), key_rows, v_cols, v_cols}};
  std::vector<RowsView> views{queries.view(), keys.view(), keys.view()};
  GuardedBuffer<float> bias(test.bias);
  GuardedBuffer<std::int32_t> lengths(test.lengths);
  if (!test.bias.empty()) {
    in.push_back({bias.data(), test.heads, test.bias_cols(), test.bias_cols()});
    views.push_back({});
  }
  if (!test.lengths.empty()) {
    in.push_back(
        {lengths.data(), static_cast<std::int64_t>(test.lengths.size()), 1, 1, DType::kI32});
    views.push_back({});
  }
  GuardedBuffer<float> position_keys(test.position_rows_of_heads());
  GuardedBuffer<float> position_queries(test.position_panels_of_heads());
  for (const auto& [used, table] : {std::pair(!test.position_keys.empty(), &position_keys),
                                    std::pair(!test.position_queries.empty(), &position_queries)}) {
    if (!used) continue;
    const std::int64_t cols = static_cast<std::int64_t>(table->size()) / test.heads;
    in.push_back({table->data(), test.heads, cols, cols});
    views.push_back({});
  }
  const Tensor out[] = {{context.data(), query_rows, v_cols, v_cols},
                        {weights == Weights::kYes ? weight_rows.data() : nullptr, query_rows,
                         weights_cols, weights_cols}};
  const std::size_t scratch_bytes =
      op->scratch_bytes({.longest = std::max(queries.longest, keys.longest), .threads = 1});
  const Buffer scratch(scratch_bytes + 4096);
  RunContext run;
  run.in = in;
  run.out = out;
  run.in_rows = views;
  run.out_rows = views[0];
  run.threads = test.threads;
  run_items_backwards(*op, run, scratch);
  CHECK(std::all_of(scratch.data() + scratch_bytes, scratch.data() + scratch.size(),
                    [](std::byte x) { return x == std::byte{0xff}; }));
  AttentionResult result;
  result.context.assign(context.data(), context.data() + context.size());
  result.weights.assign(weight_rows.data(), weight_rows.data() + weight_rows.size());
  return result;
}

/// The definition, in double: for each sequence, head and query.
struct AttentionReference {
  std::vector<double> context, weights;  // as AttentionResult
};
inline AttentionReference reference_attention(const AttentionCase& test) {
  const Sequences queries(test.query_lengths), keys(test.key_lengths);
  const std::int64_t heads = test.heads, d = test.qk_size, dv = test.v_size;
  AttentionReference result;
  result.context.assign(queries.rows() * static_cast<std::size_t>(heads * dv), 0);
  result.weights.assign(queries.rows() * static_cast<std::size_t>(heads * keys.longest), 0);
  const double scale = test.scale == 0 ? 1 / std::sqrt(static_cast<double>(d)) : test.scale;
  for (std::size_t s = 0; s < test.query_lengths.size(); ++s) {
    const std::int64_t n = test.query_lengths[s], m = test.key_lengths[s];
    for (std::int64_t h = 0; h < heads; ++h) {
      for (std::int64_t i = 0; i < n; ++i) {
        const std::int64_t row = queries.offsets[s] + i;
        const std::int64_t position = test.keys == KeyRule::kAll ? i : i + m - n;
        const auto sees = [&](std::int64_t j) {
          if (test.keys == KeyRule::kCausal && j > position) return false;
          if (test.window > 0 && std::abs(j - position) > test.window) return false;
          if (test.lengths.empty()) return true;
          return j <
                 test.lengths[test.lengths_per == LengthsPer::kQuery ? static_cast<std::size_t>(row)
                                                                     : s];
        };
        std::vector<double> scores(static_cast<std::size_t>(m), -INFINITY);
        for (std::int64_t j = 0; j < m; ++j) {
          if (!sees(j)) continue;
          const std::int64_t key = keys.offsets[s] + j;
          double dot = 0;
          const std::int64_t radius = test.position_rows.radius;
          const std::int64_t place =
              test.position_rows.used.empty()
                  ? 0
                  : test.position_rows
                        .by_distance[radius + std::clamp(position - j, -radius, radius)];
          for (std::int64_t c = 0; c < d; ++c) {
            const double query_element = test.q[(row * heads + h) * d + c];
            const double key_element = test.k[(key * heads + h) * d + c];
            dot += test.product_q.empty() ? query_element * key_element
                                          : test.product_q[(row * heads + h) * d + c] *
                                                test.product_k[(key * heads + h) * d + c];
            const std::int64_t element = (place * heads + h) * d + c;
            if (!test.position_keys.empty()) dot += query_element * test.position_keys[element];
            if (!test.position_queries.empty()) dot += key_element * test.position_queries[element];
          }
          scores[j] = dot * scale;
          if (!test.bias.empty()) {
            const std::int64_t radius = test.bias_cols() / 2;
            scores[j] += test.bias[h * test.bias_cols() + radius +
                                   std::clamp(j - position, -radius, radius)];
          }
        }
        const std::vector<double> weights = softmax(scores);
        for (std::int64_t j = 0; j < m; ++j) {
          if (!sees(j)) continue;
          const std::int64_t key = keys.offsets[s] + j;
          result.weights[(row * heads + h) * keys.longest + j] = weights[j];
          for (std::int64_t c = 0; c < dv; ++c) {
            result.context[(row * heads + h) * dv + c] +=
                weights[j] * test.v[(key * heads + h) * dv + c];
          }
        }
      }
    }
  }
  return result;
}

/// Checks found against expected within `tolerance`, absolute; prints the worst cell of a failure.
inline void check_close(const std::vector<float>& found, const std::vector<double>& expected,
                        double tolerance) {
  REQUIRE(found.size() == expected.size());
  double worst = -1;
  std::size_t at = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    double error = std::fabs(static_cast<double>(found[i]) - expected[i]);
    if (std::isnan(error)) error = INFINITY;
    if (error > worst) {
      worst = error;
      at = i;
    }
  }
  INFO("worst element ", at, " is off by ", worst);
  CHECK(worst <= tolerance);
}

inline bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * 4) == 0);
}

/// The elements of `sequence` in rows of `cols` elements stacked by sequence.
template <typename T>
std::vector<T> rows_of_sequence(const std::vector<T>& rows, const std::vector<int>& lengths,
                                std::size_t sequence, std::int64_t cols) {
  const Sequences all(lengths);
  return {rows.begin() + all.offsets[sequence] * cols,
          rows.begin() + all.offsets[sequence + 1] * cols};
}

/// The sequence alone in a batch of one.
inline AttentionCase alone(const AttentionCase& batch, std::size_t sequence) {
  AttentionCase single = batch;
  single.query_lengths = {batch.query_lengths[sequence]};
  single.key_lengths = {batch.key_lengths[sequence]};
  const std::int64_t qk = batch.heads * batch.qk_size, v = batch.heads * batch.v_size;
  single.q = rows_of_sequence(batch.q, batch.query_lengths, sequence, qk);
  single.k = rows_of_sequence(batch.k, batch.key_lengths, sequence, qk);
  single.v = rows_of_sequence(batch.v, batch.key_lengths, sequence, v);
  if (!batch.lengths.empty()) {
    single.lengths = batch.lengths_per == LengthsPer::kSequence
                         ? std::vector<std::int32_t>{batch.lengths[sequence]}
                         : rows_of_sequence(batch.lengths, batch.query_lengths, sequence, 1);
  }
  return single;
}

/// Scores are sums of d products of order one, rounded once each: about d * 6e-8 / sqrt(d), which
/// the softmax passes on to weights of at most one and values of order one.
inline constexpr double kAttentionTolerance = 4e-6;

inline void check_against_reference(const AttentionCase& test,
                                    double tolerance = kAttentionTolerance) {
  const AttentionReference expected = reference_attention(test);
  const AttentionResult found = run_attention(test, Weights::kYes);
  check_close(found.context, expected.context, tolerance);
  check_close(found.weights, expected.weights, tolerance);
  CHECK(same_bits(found.context, run_attention(test).context));
}

/// Checks that every sequence has the bits that it has alone, on any number of threads.
inline void check_same_bits_alone(AttentionCase batch) {
  const std::int64_t cols = batch.heads * batch.v_size;
  for (int threads : {1, 2, 3, 16}) {
    CAPTURE(threads);
    batch.threads = threads;
    const AttentionResult found = run_attention(batch);
    for (std::size_t s = 0; s < batch.query_lengths.size(); ++s) {
      CAPTURE(s);
      CHECK(same_bits(rows_of_sequence(found.context, batch.query_lengths, s, cols),
                      run_attention(alone(batch, s)).context));
    }
  }
}

/// Checks for a self-attention of 100 and 33 tokens, of which 90 and 30 are keys, that a key of NaN
/// or infinity changes the queries that see it and no bit of any other.
inline void check_unseen_keys_contribute_nothing(AttentionCase clean) {
  clean.lengths = {90, 30};
  clean.fill(30);
  const AttentionResult expected = run_attention(clean, Weights::kYes);
  const auto same_row = [](const std::vector<float>& a, const std::vector<float>& b, int row,
                           std::int64_t cols) {
    return std::memcmp(a.data() + row * cols, b.data() + row * cols,
                       static_cast<std::size_t>(cols) * 4) == 0;
  };
  for (const float bad_value : {NAN, INFINITY}) {
    for (int bad : {0, 5, 31, 32, 47, 64, 89, 90, 99}) {
      CAPTURE(bad);
      AttentionCase test = clean;
      std::fill_n(test.k.begin() + bad * 32, 32, bad_value);
      std::fill_n(test.v.begin() + bad * 32, 32, bad_value);
      const AttentionResult found = run_attention(test, Weights::kYes);
      for (int query = 0; query < 133; ++query) {
        const bool sees = query < 100 && bad < 90 &&
                          (clean.window == 0 || std::abs(query - bad) <= clean.window) &&
                          (clean.keys == KeyRule::kAll || bad <= query);
        CHECK(same_row(found.context, expected.context, query, 32) == !sees);
        CHECK(same_row(found.weights, expected.weights, query, 200) == !sees);
      }
    }
  }
}

}  // namespace weft::test
