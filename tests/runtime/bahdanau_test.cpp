// Recurrent encoder-decoders with additive attention against PyTorch in double precision
// (scripts/make_bahdanau_goldens.py).
#include <doctest/doctest.h>

#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "runtime/generation/cached_step_decoder.h"
#include "runtime/generation/encoder_decoder_impl.h"
#include "runtime/generation/recurrent_model.h"
#include "runtime/generation/search.h"
#include "tests/failure.h"
#include "tests/isa_under_test.h"
#include "tests/runtime/golden.h"
#include "tests/temporary_directory.h"
#include "weft/generation.h"

namespace weft::test {
namespace {

constexpr double kTolerance = 2e-5;  // of the largest magnitude of each tensor
constexpr std::int64_t kSources = 4, kMaxLength = 12;

std::unique_ptr<RecurrentModel> load(const std::string& name, int threads = 2) {
  const std::filesystem::path directory = golden("bahdanau/" + name);
  LoadOptions options;
  options.compile.isa = isa_under_test();
  options.limits.threads = threads;
  return std::make_unique<RecurrentModel>(Config::load(directory / "config.json"),
                                          Weights::open(directory), options);
}

NamedArrays read(const std::string& name, const std::string& file) {
  return read_safetensors(golden("bahdanau/" + name) / (file + ".safetensors"));
}

ForwardOptions with_attentions() {
  ForwardOptions options;
  options.attentions = AttentionOutput::kAll;
  return options;
}

/// The encoder's arrays of an input file.
NamedArrays sources_of(NamedArrays inputs) {
  inputs.erase("decoder_input_ids");
  inputs.erase("decoder_attention_mask");
  return inputs;
}

std::unique_ptr<RecurrentDecoder> new_decoder(const RecurrentModel& model,
                                              const NamedArrays& sources,
                                              std::int64_t rows_per_source) {
  const TokenBatch batch = read_batch(sources, model.source_limits());
  return model.new_decoder(batch, rows_per_source * batch.sequences());
}

GenerationConfig generation(std::int64_t beams = 1) {
  GenerationConfig config;
  config.max_length = kMaxLength;
  config.beams = beams;
  config.start_token = 1;
  config.end_tokens = {2};
  return config;
}

}  // namespace

TEST_CASE("given targets get PyTorch's states, logits and attention, ragged and padded") {
  for (const std::string name : {"two_layers", "one_layer"}) {
    const auto model = load(name);
    for (const std::string form : {"ragged_targets", "padded_targets"}) {
      CAPTURE(name);
      CAPTURE(form);
      const NamedArrays expected = read(name, form + ".expected");
      const NamedArrays found = model->forward(read(name, form + ".input"), with_attentions());
      CHECK(found.size() == expected.size());
      for (const auto& [tensor, array] : expected) {
        CAPTURE(tensor);
        REQUIRE(found.contains(tensor));
        CHECK(difference(array, found.at(tensor), kTolerance) == "");
      }
    }
  }
}

TEST_CASE("an EncoderDecoder loads a recurrent model by its model_type") {
  const std::filesystem::path directory = golden("bahdanau/two_layers");
  CHECK(is_encoder_decoder(directory));
  LoadOptions options;
  options.compile.isa = isa_under_test();
  const auto model = EncoderDecoder::load(directory, options);
  CHECK(model->info().target_vocabulary == 19);
  CHECK(model->info().warnings.empty());
  const NamedArrays inputs = read("two_layers", "ragged_targets.input");
  const NamedArrays expected = read("two_layers", "ragged_targets.expected");
  CHECK(difference(expected.at("logits"), model->forward(inputs).at("logits"), kTolerance) == "");
  // As `weft generate` decodes.
  const TokenBatch sources = read_batch(sources_of(inputs), model->impl().source_limits);
  const auto decoder = new_step_decoder(model, sources, {.rows = kSources, .steps = kMaxLength});
  const GeneratedTokens found = search(*decoder, generation(), isa_under_test());
  const Array sequences = read("two_layers", "generated").at("sequences");
  for (std::size_t i = 0; i < found.tokens.size(); ++i) {
    CHECK(found.tokens[i] == sequences.values<std::int64_t>()[i]);
  }
}

TEST_CASE("a Generator writes PyTorch's texts by what config.json says") {
  for (const std::string name : {"two_layers", "one_layer"}) {
    CAPTURE(name);
    LoadOptions options;
    options.compile.isa = isa_under_test();
    const Generator generator = Generator::load(golden("bahdanau/" + name), options);
    const NamedArrays found = generator.generate(sources_of(read(name, "ragged_targets.input")));
    CHECK(found.at("sequences").shape == std::vector<std::int64_t>{kSources, kMaxLength});
    CHECK(found.at("sequences").data == read(name, "generated").at("sequences").data);
  }
}

TEST_CASE("greedy texts and the attention of their steps equal PyTorch's") {
  for (const std::string name : {"two_layers", "one_layer"}) {
    CAPTURE(name);
    const auto model = load(name);
    NamedArrays inputs = sources_of(read(name, "ragged_targets.input"));
    const NamedArrays expected = read(name, "generated");
    const auto decoder = new_decoder(*model, inputs, 1);
    const GeneratedTokens found = search(*decoder, generation(), isa_under_test());
    const auto sequences = expected.at("sequences").values<std::int64_t>();
    REQUIRE(found.tokens.size() == sequences.size());
    for (std::size_t i = 0; i < sequences.size(); ++i) CHECK(found.tokens[i] == sequences[i]);

    // Fed back in, they give the weights that each step saw: one for every token but the last.
    Array ids(DType::kI64, {kSources, kMaxLength}), mask(DType::kI64, {kSources, kMaxLength});
    for (std::int64_t s = 0; s < kSources; ++s) {
      for (std::int64_t t = 0; t < kMaxLength; ++t) {
        ids.values<std::int64_t>()[s * kMaxLength + t] = sequences[s * kMaxLength + t];
        mask.values<std::int64_t>()[s * kMaxLength + t] = t + 1 < found.lengths[s] ? 1 : 0;
      }
    }
    inputs["decoder_input_ids"] = ids;
    inputs["decoder_attention_mask"] = mask;
    Array weights = model->forward(inputs, with_attentions()).at("cross_attentions.0");
    weights.shape = expected.at("attentions").shape;
    CHECK(difference(expected.at("attentions"), weights, kTolerance) == "");
  }
}

TEST_CASE("a source gets the same text and bits alone, in a batch and beside any other") {
  const auto model = load("two_layers"), single_thread = load("two_layers", 1);
  const NamedArrays inputs = sources_of(read("two_layers", "ragged_targets.input"));
  const auto ids = inputs.at("input_ids").values<std::int64_t>();
  const auto offsets = inputs.at("offsets").values<std::int64_t>();
  for (std::int64_t beams : {1, 3}) {
    const auto decoder = new_decoder(*model, inputs, beams);
    const GeneratedTokens all = search(*decoder, generation(beams), isa_under_test());
    for (std::int64_t s = 0; s < kSources; ++s) {
      const std::int64_t length = offsets[s + 1] - offsets[s];
      Array one(DType::kI64, {length}), bounds(DType::kI64, {2});
      std::copy_n(ids.begin() + offsets[s], length, one.values<std::int64_t>().begin());
      bounds.values<std::int64_t>()[1] = length;
      const NamedArrays alone{{"input_ids", one}, {"offsets", bounds}};
      const auto other = new_decoder(*single_thread, alone, beams);
      const GeneratedTokens text = search(*other, generation(beams), isa_under_test());
      CHECK(
          std::equal(text.row(0).begin(), text.row(0).end(), all.row(s).begin(), all.row(s).end()));
      // The first step's scores, bit for bit.
      const auto in_batch = new_decoder(*model, inputs, 1);
      std::vector<HypothesisStep> rows;
      for (std::int32_t i = 0; i < kSources; ++i) rows.push_back({i, -1, 1});
      const auto by_itself = new_decoder(*single_thread, alone, 1);
      const std::vector<HypothesisStep> row{{0, -1, 1}};
      CHECK(std::memcmp(in_batch->step(rows).f32(s), by_itself->step(row).f32(),
                        static_cast<std::size_t>(model->sizes().decoder_vocabulary) * 4) == 0);
    }
  }
}

TEST_CASE("concurrent callers get the bits of one") {
  const auto model = load("two_layers");
  const NamedArrays inputs = read("two_layers", "padded_targets.input");
  const NamedArrays expected = model->forward(inputs, with_attentions());
  std::vector<NamedArrays> found(4);
  std::vector<std::thread> callers;
  for (NamedArrays& result : found) {
    callers.emplace_back([&] { result = model->forward(inputs, with_attentions()); });
  }
  for (std::thread& caller : callers) caller.join();
  for (const NamedArrays& result : found) {
    REQUIRE(result.size() == expected.size());
    for (const auto& [name, array] : expected) CHECK(result.at(name).data == array.data);
  }
}

TEST_CASE("steps and targets that do not fit are refused by name") {
  const auto model = load("two_layers");
  NamedArrays inputs = read("two_layers", "ragged_targets.input");
  const auto decoder = new_decoder(*model, sources_of(inputs), 1);
  const auto step = [&](std::vector<HypothesisStep> rows) { decoder->step(rows); };
  WEFT_CHECK_FAILS(step({{4, -1, 1}}), "OUT_OF_RANGE",
                   "row 0: expected sources from 0 to 3, found 4");
  WEFT_CHECK_FAILS(step({{1, -1, 1}, {0, -1, 1}}), "INVALID_ARGUMENT",
                   "row 1: expected sources to rise, found 0 after 1");
  WEFT_CHECK_FAILS(step({{0, -1, 19}}), "OUT_OF_RANGE",
                   "row 0: expected tokens from 0 to 18, found 19");
  WEFT_CHECK_FAILS(step({{0, 0, 1}}), "OUT_OF_RANGE", "a parent among 0 rows");
  step({{0, -1, 1}, {2, -1, 1}});
  WEFT_CHECK_FAILS(step({{1, 1, 1}}), "INVALID_ARGUMENT",
                   "row 0: expected a parent of source 1, found one of 2");
  WEFT_CHECK_FAILS(step(std::vector<HypothesisStep>(5, {3, -1, 1})), "RESOURCE_EXHAUSTED",
                   "expected at most 4 rows, found 5");
  ForwardOptions all;
  all.hidden_states = HiddenStates::kAll;
  WEFT_CHECK_FAILS(model->forward(inputs, all), "UNSUPPORTED", "all hidden states");
  inputs.erase("decoder_input_ids");
  WEFT_CHECK_FAILS(model->forward(inputs, {}), "INVALID_ARGUMENT", "decoder_input_ids");
}

TEST_CASE("configs and weights that do not fit a recurrent model are refused by name") {
  const std::filesystem::path directory = golden("bahdanau/two_layers");
  const Weights weights = Weights::open(directory);
  const auto build = [&](const std::string& json) {
    TemporaryDirectory changed;
    changed.write("config.json", json);
    build_bahdanau(Config::load(changed.path() / "config.json"), weights);
  };
  WEFT_CHECK_FAILS(build(R"({"vocab_size": 23, "hidden_size": 0})"), "INVALID_ARGUMENT",
                   "hidden_size: expected an integer in [1");
  WEFT_CHECK_FAILS(build(R"({"vocab_size": 24, "hidden_size": 12, "embedding_size": 10})"),
                   "CORRUPT_FILE", "encoder.embedding.weight: expected [24, 10]");
  WEFT_CHECK_FAILS(build(R"({"vocab_size": 23, "decoder_vocab_size": 19, "hidden_size": 12,
                             "embedding_size": 10, "num_layers": 3})"),
                   "NOT_FOUND", "encoder.rnn.weight_ih_l2");
}

}  // namespace weft::test
