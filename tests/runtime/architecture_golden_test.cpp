// Tiny checkpoints of every architecture against transformers in double precision
// (scripts/make_bert_goldens.py, scripts/make_architecture_goldens.py). A new folder needs no line
// here.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "runtime/models/model_graph.h"
#include "tests/failure.h"
#include "tests/isa_under_test.h"
#include "tests/runtime/changed_model.h"
#include "tests/runtime/golden.h"
#include "weft/transformer_model.h"

namespace weft::test {
namespace {

namespace fs = std::filesystem;

constexpr double kTolerance = 2e-5;  // of the largest magnitude of each tensor

LoadOptions load_options(GemmBackend gemm, int threads) {
  LoadOptions options;
  options.compile.isa = isa_under_test();
  options.compile.gemm = gemm;
  options.limits.threads = threads;
  return options;
}

/// Tensor names in the order of computation, so that the first failure names the first bad layer.
std::vector<std::string> in_order(const NamedArrays& arrays) {
  std::vector<std::string> names;
  for (int layer = 0; layer < 100; ++layer) {
    for (const char* kind : {"hidden_states.", "attentions."}) {
      const std::string name = kind + std::to_string(layer);
      if (arrays.contains(name)) names.push_back(name);
    }
  }
  for (const auto& [name, array] : arrays) {
    if (name.find('.') == std::string::npos) names.push_back(name);
  }
  return names;
}

/// Compares every form of input that the case has; returns how many tensors were compared.
int compare_case(const std::string& name, const TransformerModel& model) {
  int compared = 0;
  for (const std::string form : {"ragged", "right", "left", "images", "vectors", "vectors_left"}) {
    const fs::path input = golden(name) / (form + ".input.safetensors");
    if (!fs::exists(input)) continue;
    CAPTURE(name);
    CAPTURE(form);
    const NamedArrays expected = read_safetensors(golden(name) / (form + ".expected.safetensors"));
    ForwardOptions options;
    options.hidden_states = HiddenStates::kAll;
    options.attentions = AttentionOutput::kAll;
    const NamedArrays found = model.forward(read_safetensors(input), options);
    for (const std::string& tensor : in_order(expected)) {
      CAPTURE(tensor);
      REQUIRE(found.contains(tensor));
      CHECK(difference(expected.at(tensor), found.at(tensor), kTolerance) == "");
      ++compared;
    }
    for (const auto& [tensor, array] : found) {
      CAPTURE(tensor);
      // Attentions are left out of the golden where they would be large.
      CHECK((expected.contains(tensor) || tensor.starts_with("attentions.")));
    }
  }
  return compared;
}

}  // namespace

TEST_CASE("every layer of every tiny model equals transformers in double precision") {
  const std::vector<std::string> names = golden_cases();
  std::set<std::string> architectures;
  for (const std::string& name : names) {
    CAPTURE(name);
    const auto model = TransformerModel::load(golden(name), load_options(GemmBackend::kNative, 2));
    architectures.insert(model->info().architecture);
    CHECK(compare_case(name, *model) >= 4);
  }
  for (const std::string& supported : supported_architectures()) {
    CAPTURE(supported);
    CHECK(architectures.contains(supported));
  }
}

TEST_CASE("the oneDNN backend gives the same layers within the tolerance") {
  for (const std::string& name : golden_cases()) {
    CAPTURE(name);
    const auto model = TransformerModel::load(golden(name), load_options(GemmBackend::kOneDnn, 1));
    CHECK(compare_case(name, *model) >= 4);
  }
}

TEST_CASE("a text of the maximum length runs, and one token more is an error, in every model") {
  for (const std::string& name : golden_cases({"ragged"})) {
    CAPTURE(name);
    const auto model = TransformerModel::load(golden(name), load_options(GemmBackend::kNative, 1));
    const auto inputs = [](std::int64_t length) {
      Array ids(DType::kI32, {length}), offsets(DType::kI64, {2});
      offsets.values<std::int64_t>()[1] = length;
      return NamedArrays{{"input_ids", ids}, {"offsets", offsets}};
    };
    const std::int64_t most = model->max_tokens();
    if (most <= 1000) {  // more would take long at every level
      const NamedArrays found = model->forward(inputs(most));
      CHECK(found.at("last_hidden_state").shape[0] == most);
    }
    WEFT_CHECK_FAILS(model->forward(inputs(most + 1)), "OUT_OF_RANGE",
                     "input_ids: expected at most " + std::to_string(most) + " tokens");
  }
}

TEST_CASE("files for both generations of Nomic BERT run as far as positions are not scaled") {
  const auto most = [](const char* model, const char* key, const char* value) {
    const ChangedModel changed(model, key, value);
    return TransformerModel::load(changed.path())->max_tokens();
  };
  CHECK(most("nomic_bert/today", "n_positions", "20") == 20);  // max_position_embeddings is 10
  CHECK(most("nomic_bert/today", "n_positions", "3") == 10);
  CHECK(most("nomic_bert/options", "max_trained_positions", "") == 10);  // n_positions, below 2048
  CHECK(most("nomic_bert/options", "rotary_scaling_factor", "null") == 10);
}

TEST_CASE(
    "images of another size than the config's, and of no size that has a patch, are refused") {
  const auto forward = [](const char* name, std::vector<std::int64_t> shape) {
    return TransformerModel::load(golden(name))
        ->forward({{"pixel_values", Array(DType::kF32, shape)}});
  };
  WEFT_CHECK_FAILS(forward("vit/new_names", {1, 3, 8, 12}), "INVALID_ARGUMENT",
                   "pixel_values: expected [B, 3, 8, 8]");
  // Patches that are no square cannot be resized, neither here nor by transformers.
  WEFT_CHECK_FAILS(forward("dinov2/old_names", {1, 2, 13, 16}), "INVALID_ARGUMENT",
                   "pixel_values: expected [B, 2, 13, 13]");
  for (const std::vector<std::int64_t>& shape : {std::vector<std::int64_t>{1, 3, 3, 8},
                                                 {1, 3, 8, 0},
                                                 {1, 1, 8, 8},
                                                 {3, 8, 8},
                                                 {0, 3, 65537, 4}}) {
    WEFT_CHECK_FAILS(forward("dinov2/swiglu", shape), "INVALID_ARGUMENT",
                     "pixel_values: expected [B, 3, 4 to 65536, 4 to 65536]");
  }
  CHECK(forward("dinov2/swiglu", {0, 3, 65536, 4}).at("last_hidden_state").shape[0] == 0);
}

TEST_CASE("an image gives the same bits alone and in a batch, on one thread and on two") {
  for (const std::string& name : golden_cases({"images"})) {
    CAPTURE(name);
    const Array images =
        read_safetensors(golden(name) / "images.input.safetensors").at("pixel_values");
    const auto model = TransformerModel::load(golden(name), load_options(GemmBackend::kNative, 1));
    const auto other = TransformerModel::load(golden(name), load_options(GemmBackend::kNative, 2));
    const Array all = other->forward({{"pixel_values", images}}).at("last_hidden_state");
    std::vector<std::int64_t> shape = images.shape;
    shape[0] = 1;
    for (std::int64_t i = 0; i < images.shape[0]; ++i) {
      Array image(DType::kF32, shape);
      std::memcpy(image.data.data(), images.data.data() + i * image.data.size(), image.data.size());
      const Array one = model->forward({{"pixel_values", image}}).at("last_hidden_state");
      CHECK(std::memcmp(one.data.data(), all.data.data() + i * one.data.size(), one.data.size()) ==
            0);
    }
  }
}

TEST_CASE("an image's embedding is the mean over its tokens, the same bits alone and in chunks") {
  for (const std::string& name : golden_cases({"images"})) {
    CAPTURE(name);
    const NamedArrays input = read_safetensors(golden(name) / "images.input.safetensors");
    const auto pixels = input.at("pixel_values").values<float>();
    LoadOptions options = load_options(GemmBackend::kNative, 2);
    options.pooling = Pooling::kMean;
    const auto whole = TransformerModel::load(golden(name), options);
    const std::vector<std::int64_t>& shape = input.at("pixel_values").shape;
    if (!std::equal(shape.begin() + 1, shape.end(), whole->info().image_shape.begin())) {
      std::vector<float> none(static_cast<std::size_t>(shape[0] * whole->info().embedding_size));
      WEFT_CHECK_FAILS(whole->embed_images(pixels, none), "INVALID_ARGUMENT", "pixel_values");
      continue;
    }
    options.limits.tokens = 1;  // at least one image, and no more
    const auto chunked = TransformerModel::load(golden(name), options);
    const Array states = whole->forward(input).at("last_hidden_state");
    const std::int64_t images = states.shape[0], tokens = states.shape[1], cols = states.shape[2];
    REQUIRE(images > 1);
    REQUIRE(whole->info().embedding_size == cols);
    Array found(DType::kF32, {images, cols}), expected = found, again = found;
    whole->embed_images(pixels, found.values<float>());
    for (std::int64_t i = 0; i < images; ++i) {
      for (std::int64_t c = 0; c < cols; ++c) {
        double sum = 0;
        for (std::int64_t t = 0; t < tokens; ++t) {
          sum += static_cast<double>(states.values<float>()[(i * tokens + t) * cols + c]);
        }
        expected.values<float>()[i * cols + c] =
            static_cast<float>(sum / static_cast<double>(tokens));
      }
    }
    CHECK(difference(expected, found, 1e-6) == "");
    chunked->embed_images(pixels, again.values<float>());
    CHECK(again.data == found.data);
    const std::size_t size = pixels.size() / static_cast<std::size_t>(images);
    whole->embed_images(pixels.last(size), again.values<float>().last(cols));
    CHECK(again.data == found.data);
    whole->embed_images({}, {});
  }
}

TEST_CASE("embeddings of images are refused where there are none, and in other sizes") {
  LoadOptions options = load_options(GemmBackend::kNative, 1);
  std::vector<float> pixels(2 * 13 * 9), out(24);
  const auto unpooled = TransformerModel::load(golden("vit/old_names"), options);
  CHECK(unpooled->info().image_shape == std::vector<std::int64_t>{2, 13, 9});
  WEFT_CHECK_FAILS(unpooled->embed_images(pixels, out), "FAILED_PRECONDITION",
                   "expected LoadOptions::pooling or modules that pool");
  options.pooling = Pooling::kMean;
  const auto model = TransformerModel::load(golden("vit/old_names"), options);
  WEFT_CHECK_FAILS(model->embed_images(std::span(pixels).first(5), out), "INVALID_ARGUMENT",
                   "pixel_values: expected images of 2 x 13 x 9 values, found 5 values");
  WEFT_CHECK_FAILS(model->embed_images(pixels, std::span(out).first(23)), "INVALID_ARGUMENT",
                   "out: expected 1 x 24 values, found 23");
  const auto text_model = TransformerModel::load(golden("bert/gelu_new"), options);
  CHECK(text_model->info().image_shape.empty());
  WEFT_CHECK_FAILS(text_model->embed_images(pixels, out), "FAILED_PRECONDITION",
                   "expected a model of images, found bert");
}

TEST_CASE("images and vectors of another shape or type are refused by name") {
  const auto image_model =
      TransformerModel::load(golden("vit/old_names"), load_options(GemmBackend::kNative, 1));
  WEFT_CHECK_FAILS(image_model->forward({{"pixel_values", Array(DType::kF32, {1, 2, 9, 13})}}),
                   "INVALID_ARGUMENT",
                   "pixel_values: expected [B, 2, 13, 9], found shape [1, 2, 9, 13]");
  WEFT_CHECK_FAILS(image_model->forward({{"pixel_values", Array(DType::kI64, {1, 2, 13, 9})}}),
                   "INVALID_ARGUMENT", "pixel_values: expected F32, found I64");
  WEFT_CHECK_FAILS(image_model->forward({{"input_ids", Array(DType::kI64, {1, 2})}}),
                   "INVALID_ARGUMENT", "input_ids: expected only [pixel_values]");
  const NamedArrays none =
      image_model->forward({{"pixel_values", Array(DType::kF32, {0, 2, 13, 9})}});
  CHECK(none.at("last_hidden_state").shape == std::vector<std::int64_t>{0, 10, 24});
  const auto vector_model = TransformerModel::load(golden("torch_encoder/post_norm"),
                                                   load_options(GemmBackend::kNative, 1));
  Array offsets(DType::kI64, {2});
  offsets.values<std::int64_t>()[1] = 3;
  WEFT_CHECK_FAILS(
      vector_model->forward({{"inputs", Array(DType::kF32, {3, 23})}, {"offsets", offsets}}),
      "INVALID_ARGUMENT", "inputs: expected [tokens, 24], found shape [3, 23]");
  WEFT_CHECK_FAILS(
      vector_model->forward({{"inputs", Array(DType::kF32, {4, 24})}, {"offsets", offsets}}),
      "INVALID_ARGUMENT", "offsets: expected to end with 4");
  std::vector<float> out;
  WEFT_CHECK_FAILS(vector_model->embed({}, std::vector<std::int64_t>{0}, out),
                   "FAILED_PRECONDITION", "expected a model of token ids");
}

TEST_CASE("a model without a pooler gives no pooler_output") {
  const auto model =
      TransformerModel::load(golden("bert/legacy_names"), load_options(GemmBackend::kNative, 1));
  const NamedArrays found =
      model->forward(read_safetensors(golden("bert/legacy_names") / "ragged.input.safetensors"));
  CHECK(found.contains("last_hidden_state"));
  CHECK_FALSE(found.contains("pooler_output"));
}

TEST_CASE("heads left over in a bare model's file are reported, not run") {
  const auto model = TransformerModel::load(golden("bert/pretraining_leftovers"),
                                            load_options(GemmBackend::kNative, 1));
  const std::vector<std::string> unexpected = model->info().unexpected_tensors;
  CHECK(std::any_of(unexpected.begin(), unexpected.end(),
                    [](const std::string& name) { return name.starts_with("cls."); }));
  const NamedArrays found = model->forward(
      read_safetensors(golden("bert/pretraining_leftovers") / "ragged.input.safetensors"));
  CHECK_FALSE(found.contains("logits"));
}

}  // namespace weft::test
