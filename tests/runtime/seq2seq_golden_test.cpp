// Tiny encoder-decoders against transformers in double precision (scripts/make_seq2seq_goldens.py),
// layer by layer, and step by step. A new folder needs no line here.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <numeric>
#include <set>

#include "runtime/generation/cached_step_decoder.h"
#include "runtime/generation/encoder_decoder_impl.h"
#include "tests/failure.h"
#include "tests/isa_under_test.h"
#include "tests/runtime/allocation_counter.h"
#include "tests/runtime/golden.h"
#include "weft/encoder_decoder.h"
#include "weft/supported.h"

namespace weft::test {
namespace {

constexpr double kTolerance = 2e-5;  // of the largest magnitude of each tensor
const std::vector<std::string> kForms{"sources_ragged", "sources_right", "sources_left",
                                      "vectors_decoded"};

std::shared_ptr<const EncoderDecoder> load(const std::string& name, int threads = 2,
                                           std::int64_t tokens = 4096,
                                           ComputeType dtype = ComputeType::kF32) {
  LoadOptions options;
  options.compile.isa = isa_under_test();
  options.compile.dtype = dtype;
  options.limits.threads = threads;
  options.limits.tokens = tokens;
  return EncoderDecoder::load(golden(name), options);
}

/// Tensor names in the order of computation, so that the first failure names the first bad layer.
std::vector<std::string> in_order(const NamedArrays& arrays) {
  std::vector<std::string> names;
  for (const char* side : {"encoder", "decoder"}) {
    for (int layer = 0; layer < 100; ++layer) {
      for (const char* kind : {"_hidden_states.", "_attentions."}) {
        const std::string name = side + std::string(kind) + std::to_string(layer);
        if (arrays.contains(name)) names.push_back(name);
      }
      const std::string cross = "cross_attentions." + std::to_string(layer);
      if (side == std::string("decoder") && arrays.contains(cross)) names.push_back(cross);
    }
  }
  for (const auto& [name, array] : arrays) {
    if (name.find('.') == std::string::npos) names.push_back(name);
  }
  return names;
}

/// A case's ragged sources and the targets that go with them.
struct DecodingCase {
  TokenBatch sources;
  std::vector<std::vector<std::int32_t>> targets;
  Array logits;  // (B, U, vocabulary), expected

  DecodingCase(const std::string& name, const EncoderDecoder& model) {
    NamedArrays inputs = read_safetensors(golden(name) / "sources_ragged.input.safetensors");
    logits = read_safetensors(golden(name) / "sources_ragged.expected.safetensors").at("logits");
    const Array ids = inputs.at("decoder_input_ids"), mask = inputs.at("decoder_attention_mask");
    for (std::int64_t s = 0; s < ids.shape[0]; ++s) {
      targets.emplace_back();
      for (std::int64_t t = 0; t < ids.shape[1]; ++t) {
        const std::int64_t at = s * ids.shape[1] + t;
        if (mask.values<std::int64_t>()[at] == 0) continue;
        targets.back().push_back(static_cast<std::int32_t>(ids.values<std::int64_t>()[at]));
      }
    }
    inputs.erase("decoder_input_ids");
    inputs.erase("decoder_attention_mask");
    sources = read_batch(inputs, model.impl().source_limits);
  }
  std::int64_t sources_count() const { return static_cast<std::int64_t>(targets.size()); }
  std::int64_t longest() const {
    std::size_t most = 0;
    for (const auto& target : targets) most = std::max(most, target.size());
    return static_cast<std::int64_t>(most);
  }
};

std::vector<std::string> generating_cases() {
  std::vector<std::string> names;
  for (const std::string& name : golden_cases(kForms)) {
    const auto file = golden(name) / "sources_ragged.expected.safetensors";
    if (exists(file) && read_safetensors(file).contains("logits")) names.push_back(name);
  }
  return names;
}

std::vector<float> row_of(const Tensor& logits, std::int64_t row) {
  return {logits.f32(row), logits.f32(row) + logits.cols};
}

/// Feeds every target token by token, those that have ended leaving; logits per source and step.
std::vector<std::vector<std::vector<float>>> decode_all(StepDecoder& decoder,
                                                        const DecodingCase& test) {
  std::vector<std::vector<std::vector<float>>> logits(test.targets.size());
  std::vector<std::int32_t> row_before(test.targets.size(), -1);
  for (std::size_t t = 0;; ++t) {
    std::vector<HypothesisStep> rows;
    for (std::size_t s = 0; s < test.targets.size(); ++s) {
      if (t >= test.targets[s].size()) continue;
      rows.push_back({static_cast<std::int32_t>(s), row_before[s], test.targets[s][t]});
      row_before[s] = static_cast<std::int32_t>(rows.size()) - 1;
    }
    if (rows.empty()) return logits;
    const Tensor out = decoder.step(rows);
    REQUIRE(out.rows == static_cast<std::int64_t>(rows.size()));
    for (std::size_t r = 0; r < rows.size(); ++r) {
      logits[rows[r].source].push_back(row_of(out, static_cast<std::int64_t>(r)));
    }
  }
}

}  // namespace

TEST_CASE("every layer of every tiny encoder-decoder equals transformers in double precision") {
  std::set<std::string> architectures;
  for (const std::string& name : golden_cases(kForms)) {
    CAPTURE(name);
    REQUIRE(is_encoder_decoder(golden(name)));
    const auto model = load(name);
    architectures.insert(model->info().architecture);
    CHECK(model->info().unexpected_tensors.empty());
    for (const std::string& form : kForms) {
      const auto input = golden(name) / (form + ".input.safetensors");
      if (!exists(input)) continue;
      CAPTURE(form);
      const NamedArrays expected =
          read_safetensors(golden(name) / (form + ".expected.safetensors"));
      ForwardOptions options;
      options.hidden_states = HiddenStates::kAll;
      options.attentions = AttentionOutput::kAll;
      const NamedArrays found = model->forward(read_safetensors(input), options);
      CHECK(found.size() == expected.size());
      for (const std::string& tensor : in_order(expected)) {
        CAPTURE(tensor);
        REQUIRE(found.contains(tensor));
        CHECK(difference(expected.at(tensor), found.at(tensor), kTolerance) == "");
      }
      // One sequence at a time, and no outputs beside: the same bits.
      const NamedArrays plain = load(name, 1, 1)->forward(read_safetensors(input));
      for (const auto& [tensor, array] : plain) CHECK(array.data == found.at(tensor).data);
    }
  }
  for (const std::string& supported : supported_encoder_decoders()) {
    CAPTURE(supported);
    if (supported == "bahdanau") continue;  // bahdanau_test.cpp
    CHECK(architectures.contains(supported));
  }
}

TEST_CASE("decoding step by step gives transformers' logits") {
  CHECK(generating_cases().size() >= 2);
  for (const std::string& name : generating_cases()) {
    CAPTURE(name);
    const auto model = load(name);
    const DecodingCase test(name, *model);
    const auto decoder = new_step_decoder(model, test.sources,
                                          {.rows = test.sources_count(), .steps = test.longest()});
    CHECK(decoder->sources() == test.sources_count());
    const auto found = decode_all(*decoder, test);
    const std::int64_t columns = test.logits.shape[1], vocabulary = test.logits.shape[2];
    REQUIRE(decoder->vocabulary_size() == vocabulary);
    for (std::size_t s = 0; s < found.size(); ++s) {
      for (std::size_t t = 0; t < found[s].size(); ++t) {
        CAPTURE(s);
        CAPTURE(t);
        Array one(DType::kF32, {vocabulary}), expected = one;
        std::copy(found[s][t].begin(), found[s][t].end(), one.values<float>().begin());
        std::copy_n(test.logits.values<float>().data() +
                        (static_cast<std::int64_t>(s) * columns + static_cast<std::int64_t>(t)) *
                            vocabulary,
                    vocabulary, expected.values<float>().begin());
        CHECK(difference(expected, one, 2 * kTolerance) == "");
      }
    }
  }
}

TEST_CASE("a hypothesis gives the same bits alone, and among beams that fork and die") {
  for (const std::string& name : generating_cases()) {
    CAPTURE(name);
    for (ComputeType dtype : {ComputeType::kF32, ComputeType::kInt8}) {
      const auto model = load(name, 2, 4096, dtype);
      const DecodingCase test(name, *model);
      const auto many = new_step_decoder(
          model, test.sources, {.rows = 3 * test.sources_count(), .steps = test.longest()});
      // Three rows a source: the target in a place that changes, the others forked from it.
      std::vector<std::int32_t> place(test.targets.size(), -1);
      std::vector<std::vector<std::vector<float>>> found(test.targets.size());
      for (std::size_t t = 0; static_cast<std::int64_t>(t) < test.longest(); ++t) {
        std::vector<HypothesisStep> rows;
        for (std::size_t s = 0; s < test.targets.size(); ++s) {
          if (t >= test.targets[s].size()) continue;
          const std::int32_t parent = place[s];
          for (std::size_t beam = 0; beam < 3; ++beam) {
            const bool wanted = beam == (s + t) % 3;
            const auto other = static_cast<std::int32_t>((7 * beam + t) % 11);
            if (wanted) place[s] = static_cast<std::int32_t>(rows.size());
            rows.push_back(
                {static_cast<std::int32_t>(s), parent, wanted ? test.targets[s][t] : other});
          }
        }
        const Tensor out = many->step(rows);
        for (std::size_t s = 0; s < test.targets.size(); ++s) {
          if (t < test.targets[s].size()) found[s].push_back(row_of(out, place[s]));
        }
      }
      for (std::size_t s = 0; s < test.targets.size(); ++s) {
        TokenBatch source;
        const auto begin = test.sources.offsets[s], end = test.sources.offsets[s + 1];
        source.ids.assign(test.sources.ids.begin() + begin, test.sources.ids.begin() + end);
        source.position_ids.resize(source.ids.size());
        std::iota(source.position_ids.begin(), source.position_ids.end(), 0);
        source.offsets = {0, end - begin};
        const auto alone = new_step_decoder(load(name, 1, 4096, dtype), source,
                                            {.rows = 1, .steps = test.longest()});
        for (std::size_t t = 0; t < test.targets[s].size(); ++t) {
          const HypothesisStep row{0, t == 0 ? -1 : 0, test.targets[s][t]};
          CHECK(row_of(alone->step({&row, 1}), 0) == found[s][t]);
        }
      }
    }
  }
}

TEST_CASE("a warm step of a decoder allocates nothing") {
  const auto model = load("marian/translating");
  const DecodingCase test("marian/translating", *model);
  const auto decoder = new_step_decoder(model, test.sources, {.rows = 4, .steps = 12});
  const std::vector<HypothesisStep> first{{0, -1, 1}, {0, -1, 2}, {1, -1, 3}, {3, -1, 4}};
  const std::vector<HypothesisStep> later{{0, 1, 5}, {0, 1, 6}, {1, 2, 7}, {3, 3, 8}};
  decoder->step(first);
  decoder->step(later);
  const std::int64_t before = allocations();
  for (int t = 0; t < 10; ++t) decoder->step(later);
  CHECK(allocations() == before);
  WEFT_CHECK_FAILS(decoder->step(later), "OUT_OF_RANGE", "steps: expected at most 12, found 13");
}

TEST_CASE("steps and limits that do not fit are errors that name the row") {
  const auto model = load("marian/translating");
  const DecodingCase test("marian/translating", *model);
  const auto make = [&](const DecodeLimits& limits) {
    return new_step_decoder(model, test.sources, limits);
  };
  WEFT_CHECK_FAILS(make({.rows = 4, .steps = 13}), "OUT_OF_RANGE",
                   "steps: expected at most 12, the model's positions, found 13");
  WEFT_CHECK_FAILS(make({.rows = 0, .steps = 3}), "INVALID_ARGUMENT", "at least 1 row");
  WEFT_CHECK_FAILS(make({.rows = std::int64_t{1} << 40, .steps = 3}), "RESOURCE_EXHAUSTED",
                   "the cache: expected at most");
  WEFT_CHECK_FAILS(make({.rows = 100000000, .steps = 12}), "RESOURCE_EXHAUSTED", "bytes");
  WEFT_CHECK_FAILS(make({.rows = 4, .steps = 12, .memory_bytes = 1000}), "RESOURCE_EXHAUSTED",
                   "expected at most 1000 bytes, found");
  WEFT_CHECK_FAILS(
      new_step_decoder(load("marian/own_tables"), test.sources, {.rows = 4, .steps = 3}),
      "FAILED_PRECONDITION", "architectures");
  const auto decoder = make({.rows = 4, .steps = 12});
  const auto step = [&](std::vector<HypothesisStep> rows) { return decoder->step(rows); };
  WEFT_CHECK_FAILS(step({{0, -1, 50}}), "OUT_OF_RANGE", "row 0: token: expected at most 49");
  WEFT_CHECK_FAILS(step({{0, -1, 1}, {4, -1, 1}}), "OUT_OF_RANGE",
                   "row 1: source: expected at most 3, found 4");
  WEFT_CHECK_FAILS(step({{0, 0, 1}}), "OUT_OF_RANGE", "row 0: parent: expected at most -1");
  WEFT_CHECK_FAILS(step({{1, -1, 1}, {0, -1, 1}}), "INVALID_ARGUMENT",
                   "row 1: expected sources to rise, found 0 after 1");
  WEFT_CHECK_FAILS(step({{0, -1, 1}, {1, -1, 1}, {1, -1, 1}, {1, -1, 1}, {1, -1, 1}}),
                   "RESOURCE_EXHAUSTED", "expected at most 4 hypotheses, found 5");
  step({{0, -1, 1}, {1, -1, 1}});
  WEFT_CHECK_FAILS(step({{0, 1, 1}}), "INVALID_ARGUMENT",
                   "row 0: expected a parent of source 0, found one of source 1");
  CHECK(step({}).rows == 0);
  StopCondition stop;
  std::atomic<bool> cancelled{true};
  stop.cancel = &cancelled;
  const HypothesisStep row{0, -1, 1};
  WEFT_CHECK_FAILS(decoder->step({&row, 1}, stop), "CANCELLED", "");
  CHECK(step({{0, -1, 1}}).rows == 1);
}

TEST_CASE("targets that do not fit the sources or the model are refused by name") {
  const auto model = load("marian/translating");
  const NamedArrays given =
      read_safetensors(golden("marian/translating") / "sources_right.input.safetensors");
  const auto fails = [&](const char* name, const Array& array, const char* reason,
                         const char* part) {
    NamedArrays inputs = given;
    inputs[name] = array;
    WEFT_CHECK_FAILS(model->forward(inputs), reason, part);
  };
  fails("decoder_input_ids", Array(DType::kI64, {3, 7}), "INVALID_ARGUMENT",
        "decoder_input_ids: expected [B, U] with B = 4, the number of sources, found shape [3, 7]");
  fails("decoder_input_ids", Array(DType::kF32, {4, 7}), "INVALID_ARGUMENT",
        "decoder_input_ids: expected I64 or I32, found F32");
  fails("decoder_attention_mask", Array(DType::kI64, {4, 6}), "INVALID_ARGUMENT",
        "decoder_attention_mask: expected [4, 7], as decoder_input_ids, found shape [4, 6]");
  fails("decoder_attention_mask", Array(DType::kI64, {4, 7}), "INVALID_ARGUMENT",
        "decoder_attention_mask: expected a token in each row");
  fails("decoder_inputs", Array(DType::kF32, {4, 7, 20}), "INVALID_ARGUMENT",
        "decoder_inputs: expected only [decoder_input_ids, decoder_attention_mask]");
  Array ids(DType::kI64, {4, 7});
  ids.values<std::int64_t>()[0] = 50;
  fails("decoder_input_ids", ids, "OUT_OF_RANGE",
        "decoder_input_ids: expected ids from 0 to 49, found 50 at row 0, column 0");
  NamedArrays inputs = given;
  inputs.erase("decoder_input_ids");
  WEFT_CHECK_FAILS(model->forward(inputs), "INVALID_ARGUMENT",
                   "decoder_input_ids: expected, found");
  inputs = given;
  inputs.erase("decoder_attention_mask");
  inputs["decoder_input_ids"] = Array(DType::kI64, {4, 13});
  WEFT_CHECK_FAILS(model->forward(inputs), "OUT_OF_RANGE", "in the first 12 columns");
}

}  // namespace weft::test
