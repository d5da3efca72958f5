// The promise of same bits: a text's result depends on the text alone.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "tests/isa_under_test.h"
#include "tests/paths.h"
#include "weft/transformer_model.h"

namespace weft::test {
namespace {

/// One tiny model of each architecture, and one with every pooling.
std::vector<std::string> models() {
  std::vector<std::string> names{"sentence/all_modes"};
  std::string last;
  for (const std::string& name : golden_cases({"ragged"})) {
    const std::string architecture = name.substr(0, name.find('/'));
    if (architecture != last) names.push_back(name);
    last = architecture;
  }
  return names;
}

struct Case {
  std::string name;
  ComputeType dtype;
  ComputeType attention = ComputeType::kF32;
};

/// Every model in f32, which is the same from kAvx512 on, and two of them in each other dtype,
/// with every attention that the level has beside it.
std::vector<Case> cases() {
  std::vector<Case> result;
  if (isa_under_test() <= Isa::kAvx512) {
    for (const std::string& name : models()) result.push_back({name, ComputeType::kF32});
  }
  for (ComputeType dtype : {ComputeType::kBf16, ComputeType::kInt8}) {
    if (!dtype_available(dtype, GemmBackend::kNative)) continue;
    for (ComputeType attention : {ComputeType::kF32, ComputeType::kBf16}) {
      if (!attention_dtype_available(attention, dtype, isa_under_test())) continue;
      for (const char* name : {"bert/gelu_new", "sentence/all_modes"}) {
        result.push_back({name, dtype, attention});
      }
    }
  }
  return result;
}

/// Those of one model.
std::vector<Case> bert_cases() {
  std::vector<Case> result = cases();
  std::erase_if(result, [](const Case& test) { return test.name != "bert/gelu_new"; });
  return result;
}

std::shared_ptr<const TransformerModel> load(const Case& test, int threads,
                                             std::int64_t tokens = 4096) {
  LoadOptions options;
  options.compile.dtype = test.dtype;
  options.compile.attention_dtype = test.attention;
  options.limits.threads = threads;
  options.limits.tokens = tokens;
  return TransformerModel::load(golden(test.name), options);
}

/// The longest text of these tests: the model's maximum where that is short.
std::int64_t longest(const TransformerModel& model) {
  return std::min<std::int64_t>(model.max_tokens(), 80);
}

struct Batch {
  std::vector<std::int32_t> ids;
  std::vector<std::int64_t> offsets{0};

  void add(const std::vector<std::int32_t>& sequence) {
    ids.insert(ids.end(), sequence.begin(), sequence.end());
    offsets.push_back(static_cast<std::int64_t>(ids.size()));
  }
};

std::vector<std::int32_t> sequence(const TransformerModel& model, std::int64_t length,
                                   std::uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<std::int32_t> ids(static_cast<std::size_t>(length));
  for (auto& id : ids) id = static_cast<std::int32_t>(random() % model.vocabulary_size());
  return ids;
}

std::vector<float> embed(const TransformerModel& model, const Batch& batch) {
  std::vector<float> out((batch.offsets.size() - 1) * model.embedding_size());
  model.embed(batch.ids, batch.offsets, out);
  return out;
}

bool same_row(const std::vector<float>& all, std::size_t row, const std::vector<float>& one) {
  return std::memcmp(all.data() + row * one.size(), one.data(), one.size() * sizeof(float)) == 0;
}

std::vector<std::vector<std::int32_t>> mixed_sequences(const TransformerModel& model) {
  std::vector<std::vector<std::int32_t>> sequences;
  std::mt19937 random(3);
  for (std::uint32_t i = 0; i < 64; ++i) {
    sequences.push_back(sequence(model, 1 + random() % longest(model), i));
  }
  sequences[5] = sequence(model, 1, 5);
  sequences[6] = sequence(model, longest(model), 6);
  return sequences;
}

}  // namespace

TEST_CASE(
    "a text gives the same bits alone and in a batch of 64, with 1, 2 and 3 threads, chunked") {
  for (const Case& test : cases()) {
    CAPTURE(test.name);
    CAPTURE(std::string(to_string(test.dtype)));
    const auto model = load(test, 1);
    const auto sequences = mixed_sequences(*model);
    Batch all;
    for (const auto& ids : sequences) all.add(ids);
    const std::vector<float> expected = embed(*model, all);
    for (std::size_t i = 0; i < sequences.size(); ++i) {
      Batch one;
      one.add(sequences[i]);
      CHECK(same_row(expected, i, embed(*model, one)));
    }
    for (int threads : {2, 3}) {
      for (std::int64_t tokens : {1, 100, 500, 4096}) {
        CAPTURE(threads);
        CAPTURE(tokens);
        const auto other = load(test, threads, tokens);
        CHECK(embed(*other, all) == expected);
        for (std::size_t i : {0, 5, 6, 17}) {
          Batch one;
          one.add(sequences[i]);
          CHECK(same_row(expected, i, embed(*other, one)));
        }
      }
    }
  }
}

TEST_CASE("a text gives the same bits at every position of a batch") {
  for (const Case& test : bert_cases()) {
    CAPTURE(std::string(to_string(test.dtype)));
    const auto model = load(test, 2);
    const auto sequences = mixed_sequences(*model);
    Batch one;
    one.add(sequences[9]);
    const std::vector<float> expected = embed(*model, one);
    for (std::size_t position = 0; position < 64; ++position) {
      Batch batch;
      for (std::size_t i = 0; i < 64; ++i) batch.add(sequences[i == position ? 9 : (i + 20) % 64]);
      CHECK(same_row(embed(*model, batch), position, expected));
    }
  }
}

TEST_CASE(
    "ragged rows and right-padded rows give the same bits, and padding ids are never looked at") {
  for (const Case& test : cases()) {
    CAPTURE(test.name);
    CAPTURE(std::string(to_string(test.dtype)));
    const auto model = load(test, 2);
    const std::vector<std::int64_t> lengths{3, 1, longest(*model), 7};
    const std::int64_t columns = longest(*model) + 2;
    Array ids(DType::kI64, {4, columns}), mask(DType::kI64, {4, columns});
    std::vector<std::int32_t> flat;
    Array offsets(DType::kI64, {5});
    for (std::int64_t s = 0; s < 4; ++s) {
      const auto tokens = sequence(*model, lengths[s], static_cast<std::uint32_t>(s));
      for (std::int64_t t = 0; t < columns; ++t) {
        ids.values<std::int64_t>()[s * columns + t] = t < lengths[s] ? tokens[t] : -(t + 7) * 999;
        mask.values<std::int64_t>()[s * columns + t] = t < lengths[s];
      }
      flat.insert(flat.end(), tokens.begin(), tokens.end());
      offsets.values<std::int64_t>()[s + 1] = static_cast<std::int64_t>(flat.size());
    }
    Array ragged_ids(DType::kI32, {static_cast<std::int64_t>(flat.size())});
    std::memcpy(ragged_ids.data.data(), flat.data(), flat.size() * sizeof(std::int32_t));

    ForwardOptions options;
    options.hidden_states = HiddenStates::kAll;
    options.attentions = AttentionOutput::kAll;
    const NamedArrays padded =
        model->forward({{"input_ids", ids}, {"attention_mask", mask}}, options);
    const NamedArrays ragged =
        model->forward({{"input_ids", ragged_ids}, {"offsets", offsets}}, options);
    const NamedArrays plain = model->forward({{"input_ids", ragged_ids}, {"offsets", offsets}});
    CHECK(plain.at("last_hidden_state").data == ragged.at("last_hidden_state").data);
    const std::int64_t hidden = ragged.at("last_hidden_state").shape[1];
    for (std::int64_t s = 0; s < 4; ++s) {
      const float* padded_rows =
          padded.at("last_hidden_state").values<float>().data() + s * columns * hidden;
      const float* ragged_rows = ragged.at("last_hidden_state").values<float>().data() +
                                 offsets.values<std::int64_t>()[s] * hidden;
      CHECK(std::memcmp(padded_rows, ragged_rows, lengths[s] * hidden * sizeof(float)) == 0);
      for (std::int64_t i = lengths[s] * hidden; i < columns * hidden; ++i) {
        REQUIRE(padded_rows[i] == 0.0f);
      }
    }
    for (const auto& [output, array] : ragged) {
      if (array.shape[0] == 4 && array.shape.size() == 2)
        CHECK(array.data == padded.at(output).data);
    }
  }
}

TEST_CASE("the same call gives the same bits a hundred times") {
  for (const Case& test : bert_cases()) {
    CAPTURE(std::string(to_string(test.dtype)));
    const auto model = load(test, 2);
    const auto sequences = mixed_sequences(*model);
    Batch batch;
    for (std::size_t i = 0; i < 16; ++i) batch.add(sequences[i]);
    const std::vector<float> expected = embed(*model, batch);
    for (int round = 0; round < 100; ++round) CHECK(embed(*model, batch) == expected);
  }
}

}  // namespace weft::test
