// Whole models whose attention is bfloat16 over emulated tiles, on any machine
// (emulated_attention_dispatch.cpp).
#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

#include "tests/failure.h"
#include "tests/isa_under_test.h"
#include "tests/runtime/golden.h"
#include "tests/runtime/minilm.h"
#include "weft/transformer_model.h"

namespace weft::test {
namespace {

std::shared_ptr<const TransformerModel> load(const std::string& name, ComputeType dtype,
                                             ComputeType attention = ComputeType::kF32) {
  LoadOptions options;
  options.compile.isa = isa_under_test();
  options.compile.dtype = dtype;
  options.compile.attention_dtype = attention;
  options.limits.threads = 2;
  return TransformerModel::load(golden(name), options);
}

std::vector<std::string> some_texts(std::size_t count) {
  std::ifstream file(source_directory() / "data" / "demo_sentences.txt");
  std::vector<std::string> texts;
  for (std::string line; texts.size() < count && std::getline(file, line);) texts.push_back(line);
  return texts;
}

void check_minilm(ComputeType dtype, double least_cosine) {
  const std::vector<std::string> texts = some_texts(60);
  REQUIRE(texts.size() == 60);
  const Encoder encoder = load_minilm(dtype, ComputeType::kBf16);
  REQUIRE(encoder.info().attention_dtype == "bf16");
  const Embeddings exact = load_minilm().encode(texts), found = encoder.encode(texts);
  double lowest = 1;
  for (std::int64_t i = 0; i < exact.rows; ++i) {
    lowest = std::min(lowest, cosine(exact.row(i).data(), found.row(i).data(), exact.cols));
  }
  MESSAGE(std::string(to_string(dtype)), ": lowest cosine ", lowest);
  CHECK(lowest >= least_cosine);
}

}  // namespace

TEST_CASE("models in bf16 and int8 have bf16 attention if asked, all others f32") {
  const std::string name = "bert/gelu_new";
  for (ComputeType dtype : {ComputeType::kBf16, ComputeType::kInt8}) {
    const ModelInfo info = load(name, dtype, ComputeType::kBf16)->info();
    CHECK(info.attention_dtype == "bf16");
    CHECK(info.attention_dtype_reason ==
          "asked for: both products; f32: scale, positions, softmax");
    CHECK(info.compute_dtype_reason.find("attention") == std::string::npos);
    CHECK(std::count(info.kernels.begin(), info.kernels.end(),
                     "attention emulated tiles 32x32 bf16") == 1);
    const ModelInfo unasked = load(name, dtype)->info();
    CHECK(unasked.attention_dtype == "f32");
    CHECK(unasked.attention_dtype_reason.empty());
    CHECK(unasked.compute_dtype_reason.find("f32: embeddings, attention") != std::string::npos);
    for (const std::string& kernel : unasked.kernels) CHECK(!kernel.starts_with("attention"));
  }
  const ModelInfo exact = load(name, ComputeType::kF32)->info();
  CHECK(exact.attention_dtype == "f32");
  CHECK(exact.attention_dtype_reason.empty());
  WEFT_CHECK_FAILS(load(name, ComputeType::kF32, ComputeType::kBf16), "UNSUPPORTED",
                   "attention_dtype: bf16 is not supported with products in f32");
  WEFT_CHECK_FAILS(load(name, ComputeType::kInt8, ComputeType::kInt8), "UNSUPPORTED",
                   "attention_dtype: int8");
}

TEST_CASE("every architecture's states with bf16 attention are near those with f32 attention") {
  ForwardOptions options;
  options.hidden_states = HiddenStates::kAll;
  for (const std::string& name : golden_cases({"ragged"})) {
    CAPTURE(name);
    const NamedArrays input = read_safetensors(golden(name) / "ragged.input.safetensors");
    const NamedArrays expected = load(name, ComputeType::kBf16)->forward(input, options);
    const NamedArrays found =
        load(name, ComputeType::kBf16, ComputeType::kBf16)->forward(input, options);
    const Array& a = expected.at("last_hidden_state");
    const Array& b = found.at("last_hidden_state");
    CHECK(a.data != b.data);
    const double similarity = cosine(a.values<float>().data(), b.values<float>().data(),
                                     static_cast<std::int64_t>(a.values<float>().size()));
    CHECK(similarity >= 0.9995);
  }
}

TEST_CASE("MiniLM with bf16 attention keeps every text's direction in bf16 and in int8") {
  check_minilm(ComputeType::kBf16, 0.9995);
  check_minilm(ComputeType::kInt8, 0.99);
}

}  // namespace weft::test
