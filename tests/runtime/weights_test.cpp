#include "weft/weights.h"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>

#include "tests/failure.h"
#include "tests/paths.h"
#include "tests/runtime/container.h"
#include "tests/temporary_directory.h"
#include "weft/safetensors.h"

namespace weft::test {
namespace {

Array floats(std::vector<std::int64_t> shape, float first) {
  Array array(DType::kF32, std::move(shape));
  for (float& value : array.values<float>()) value = first++;
  return array;
}

template <typename T>
Array stored(DType dtype, const std::vector<T>& values) {
  Array array(dtype, {static_cast<std::int64_t>(values.size())});
  std::memcpy(array.data.data(), values.data(), array.data.size());
  return array;
}

std::vector<float> read_all(const Weight& weight) {
  std::vector<float> values(static_cast<std::size_t>(weight.size()));
  weight.read_f32(0, weight.rows(), values.data());
  return values;
}

// By the definition of IEEE 754 binary16.
double half_value(unsigned bits) {
  const double sign = (bits & 0x8000u) != 0 ? -1 : 1;
  const int exponent = static_cast<int>(bits >> 10 & 0x1Fu);
  const int fraction = static_cast<int>(bits & 0x3FFu);
  if (exponent == 31) {
    return fraction == 0 ? sign * INFINITY : std::numeric_limits<double>::quiet_NaN();
  }
  return exponent == 0 ? sign * std::ldexp(fraction, -24)
                       : sign * std::ldexp(1024 + fraction, exponent - 25);
}

}  // namespace

TEST_CASE("parameters are found by name under prefixes, and remembered as used") {
  const TemporaryDirectory directory;
  const auto file = directory.path() / "model.safetensors";
  write_safetensors(file, {{"bert.layer.0.weight", floats({2, 3}, 0)},
                           {"bert.layer.0.bias", floats({2}, 10)},
                           {"bert.layer.10.weight", floats({1}, 20)},
                           {"extra", floats({1}, 30)}});
  for (const auto& path : {file, directory.path()}) {
    const Weights weights = Weights::open(path);
    CHECK(weights.parameters() == 10);
    CHECK(weights.names().size() == 4);
    CHECK(weights.files() == std::vector<std::string>{file.string()});
    const Weights layer = weights.sub("bert").sub("layer.0");
    CHECK(layer.prefix() == "bert.layer.0.");
    CHECK(weights.sub("").prefix().empty());
    CHECK(layer.has("weight"));
    CHECK_FALSE(weights.sub("bert.layer.1").has("0.weight"));
    CHECK_FALSE(layer.has("bert.layer.0.weight"));
    const Weight weight = layer.get("weight", {2, 3});
    CHECK(weight.name() == "bert.layer.0.weight");
    CHECK(weight.rows() == 2);
    CHECK(weight.cols() == 3);
    CHECK(read_all(weight) == std::vector<float>{0, 1, 2, 3, 4, 5});
    float row[3] = {};
    weight.read_f32(1, 1, row);
    CHECK(row[2] == 5);
    CHECK(weight.identity() == weights.get("bert.layer.0.weight").identity());
    CHECK(weight.identity() != layer.get("bias").identity());
    CHECK(layer.get("bias").rows() == 1);
    CHECK(weights.unused() == std::vector<std::string>{"bert.layer.10.weight", "extra"});
  }
}

TEST_CASE("a wrong shape names the tensor, both shapes and nothing else") {
  const TemporaryDirectory directory;
  const auto file = directory.path() / "model.safetensors";
  write_safetensors(file, {{"x.weight", floats({768, 2}, 0)}});
  WEFT_CHECK_FAILS(Weights::open(file).sub("x").get("weight", {768, 768}), "CORRUPT_FILE",
                   "x.weight: expected [768, 768], file has [768, 2]");
  WEFT_CHECK_FAILS(Weights::open(file).get("x.weight", {768}), "CORRUPT_FILE", "expected [768]");
}

TEST_CASE("a missing tensor lists every spelling tried") {
  const TemporaryDirectory directory;
  const auto file = directory.path() / "model.safetensors";
  write_safetensors(file, {{"a.LayerNorm.gamma", floats({2}, 1)},
                           {"a.LayerNorm.beta", floats({2}, 3)},
                           {"a.dense.gamma", floats({2}, 5)}});
  const Weights a = Weights::open(file).sub("a");
  CHECK(a.has("LayerNorm.weight"));
  CHECK(a.get("LayerNorm.weight", {2}).name() == "a.LayerNorm.gamma");
  CHECK(read_all(a.get("LayerNorm.bias", {2})) == std::vector<float>{3, 4});
  CHECK_FALSE(a.has("dense.weight"));
  WEFT_CHECK_FAILS(a.get("LayerNorm2.weight"), "NOT_FOUND",
                   "model.safetensors: no tensor a.LayerNorm2.weight or a.LayerNorm2.gamma");
  WEFT_CHECK_FAILS(a.get("dense.weight"), "NOT_FOUND", "no tensor a.dense.weight");
}

TEST_CASE("every half is widened exactly") {
  const TemporaryDirectory directory;
  std::vector<std::uint16_t> halves(65536);
  for (std::size_t i = 0; i < halves.size(); ++i) halves[i] = static_cast<std::uint16_t>(i);
  write_safetensors(
      directory.path() / "model.safetensors",
      {{"half", stored(DType::kF16, halves)}, {"brain", stored(DType::kBF16, halves)}});
  const Weights weights = Weights::open(directory.path());
  const std::vector<float> half = read_all(weights.get("half"));
  const std::vector<float> brain = read_all(weights.get("brain"));
  int wrong = 0;
  for (unsigned i = 0; i < 65536; ++i) {
    const double expected = half_value(i);
    if (std::isnan(expected) ? !std::isnan(half[i])
                             : half[i] != expected || std::signbit(half[i]) != (i >= 0x8000)) {
      ++wrong;
    }
    // A bfloat16 is the upper half of a float.
    if (std::bit_cast<std::uint32_t>(brain[i]) != i << 16) ++wrong;
  }
  CHECK(wrong == 0);
}

TEST_CASE("doubles are rounded to nearest, and refused where they overflow") {
  const TemporaryDirectory directory;
  const auto file = directory.path() / "model.safetensors";
  const std::vector<double> values{0.1, -1e-50, 16777217.0, 16777219.0, INFINITY, 3.4e38};
  write_safetensors(file, {{"fits", stored(DType::kF64, values)},
                           {"large", stored(DType::kF64, std::vector<double>{1, 1e39})}});
  const Weights weights = Weights::open(file);
  const std::vector<float> found = read_all(weights.get("fits"));
  CHECK(found[0] == 0.1F);
  CHECK(found[1] == 0.0F);
  CHECK(found[2] == 16777216.0F);
  CHECK(found[3] == 16777220.0F);
  CHECK(found[4] == INFINITY);
  WEFT_CHECK_FAILS(read_all(weights.get("large")), "UNSUPPORTED", "large: element 1: 1e+39");
}

TEST_CASE("tensors longer than one read are widened from the right place") {
  const TemporaryDirectory directory;
  std::vector<std::uint16_t> values(100'000);
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<std::uint16_t>(i & 0x7F00);
  Array array = stored(DType::kBF16, values);
  array.shape = {1000, 100};
  write_safetensors(directory.path() / "model.safetensors", {{"a", array}});
  std::vector<float> rows(700 * 100);
  Weights::open(directory.path()).get("a", {1000, 100}).read_f32(300, 700, rows.data());
  int wrong = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (std::bit_cast<std::uint32_t>(rows[i]) != static_cast<std::uint32_t>(values[i + 30'000])
                                                     << 16) {
      ++wrong;
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("dtypes that are not computed with are refused only when they are asked for") {
  const TemporaryDirectory directory;
  const std::string header =
      "{" + entry("i", "[1]", "[0,8]", "I64") + "," + entry("f8", "[2]", "[8,10]", "F8_E4M3") +
      "," + entry("new", "[7]", "[10,13]", "F3_NEW") + "," + entry("f", "[1]", "[13,17]") + "}";
  directory.write("model.safetensors", container(header, std::string(17, '\0')));
  const Weights weights = Weights::open(directory.path());
  CHECK(read_all(weights.get("f")) == std::vector<float>{0});
  WEFT_CHECK_FAILS(weights.get("i"), "UNSUPPORTED",
                   "i: expected F32, F16, BF16 or F64, found \"I64\"");
  WEFT_CHECK_FAILS(weights.get("f8"), "UNSUPPORTED", "F8_E4M3");
  WEFT_CHECK_FAILS(weights.get("new"), "UNSUPPORTED", "F3_NEW");
  WEFT_CHECK_FAILS(read_safetensors(directory.path() / "model.safetensors"), "UNSUPPORTED",
                   "F3_NEW");
  CHECK(weights.unused() == std::vector<std::string>{"f8", "i", "new"});
}

TEST_CASE("rows outside a weight are refused") {
  const TemporaryDirectory directory;
  write_safetensors(directory.path() / "model.safetensors", {{"a", floats({3, 2}, 0)}});
  const Weight a = Weights::open(directory.path()).get("a");
  float out[6] = {};
  WEFT_CHECK_FAILS(a.read_f32(2, 2, out), "OUT_OF_RANGE", "a: rows");
  WEFT_CHECK_FAILS(a.read_f32(-1, 1, out), "OUT_OF_RANGE", "a: rows");
  WEFT_CHECK_FAILS(a.read_raw(0, INT64_MAX, out), "OUT_OF_RANGE", "a: rows");
  a.read_f32(3, 0, out);
  CHECK(out[0] == 0);
}

TEST_CASE("weights may lie in the caller's memory") {
  const float data[] = {1, 2, 3, 4, 5, 6};
  const Weight weight = Weight::from_memory("w", {3, 2}, data);
  float row[2] = {};
  weight.read_f32(1, 1, row);
  CHECK(row[0] == 3);
  CHECK(row[1] == 4);
  CHECK(static_cast<bool>(weight));
  CHECK_FALSE(static_cast<bool>(Weight()));
  WEFT_CHECK_FAILS(Weight::from_memory("w", {3, -2}, data), "INVALID_ARGUMENT", "[3, -2]");
  WEFT_CHECK_FAILS(Weight::from_memory("w", {INT64_MAX, 2}, data), "INVALID_ARGUMENT", "overflows");
}

TEST_CASE("values that are not finite are found when asked for") {
  const TemporaryDirectory directory;
  const auto file = directory.path() / "model.safetensors";
  Array fine = floats({70'000}, 0);
  Array bad = floats({700, 100}, 0);
  write_safetensors(file, {{"fine", fine}, {"bad", bad}});
  CHECK_NOTHROW(Weights::open(file).check_finite());
  bad.values<float>()[69'999] = NAN;
  write_safetensors(file, {{"fine", fine}, {"bad", bad}});
  WEFT_CHECK_FAILS(Weights::open(file).check_finite(), "CORRUPT_FILE",
                   "bad: element 69999 of [700, 100] is nan");
  write_safetensors(file, {{"half", stored(DType::kF16, std::vector<std::uint16_t>{0, 0xFC00})}});
  WEFT_CHECK_FAILS(Weights::open(file).check_finite(), "CORRUPT_FILE", "half: element 1");
}

TEST_CASE("shards are one checkpoint") {
  const TemporaryDirectory directory;
  write_safetensors(directory.path() / "one.safetensors", {{"a", floats({2}, 0)}});
  write_safetensors(directory.path() / "two.safetensors",
                    {{"b", floats({2}, 5)}, {"c", floats({1}, 9)}});
  const auto index = [&](const std::string& map) {
    directory.write("model.safetensors.index.json",
                    "{\"metadata\": {\"total_size\": 20}, \"weight_map\": {" + map + "}}");
  };
  index(R"("a": "one.safetensors", "b": "two.safetensors", "c": "two.safetensors")");
  const Weights weights = Weights::open(directory.path());
  CHECK(weights.files().size() == 2);
  CHECK(weights.parameters() == 5);
  CHECK(read_all(weights.get("b", {2})) == std::vector<float>{5, 6});

  index(R"("a": "one.safetensors", "b": "three.safetensors")");
  WEFT_CHECK_FAILS(Weights::open(directory.path()), "NOT_FOUND", "three.safetensors");
  index(R"("a": "one.safetensors", "d": "two.safetensors")");
  WEFT_CHECK_FAILS(Weights::open(directory.path()), "CORRUPT_FILE",
                   "tensor \"d\": expected in two.safetensors");
  index(R"("a": "two.safetensors", "b": "one.safetensors")");
  WEFT_CHECK_FAILS(Weights::open(directory.path()), "CORRUPT_FILE", "which does not hold it");
  write_safetensors(directory.path() / "three.safetensors", {{"a", floats({2}, 0)}});
  index(R"("a": "one.safetensors", "x": "three.safetensors")");
  WEFT_CHECK_FAILS(Weights::open(directory.path()), "CORRUPT_FILE",
                   "tensor \"a\" is in two shards");
}

TEST_CASE("shard names cannot leave the directory") {
  const TemporaryDirectory directory;
  write_safetensors(directory.path() / "outside.safetensors", {});
  for (const char* name :
       {"../outside.safetensors", "/etc/passwd", "a/../../b", "", "a\\\\b", "..", "a\\u0000b"}) {
    CAPTURE(name);
    directory.write("model/model.safetensors.index.json",
                    "{\"weight_map\": {\"a\": \"" + std::string(name) + "\"}}");
    WEFT_CHECK_FAILS(Weights::open(directory.path() / "model"), "CORRUPT_FILE",
                     "expected a plain file name");
  }
  for (const char* text : {"{}", "{\"weight_map\": []}", "{\"weight_map\": {}}",
                           "{\"weight_map\": {\"a\": 1}}", "[]"}) {
    directory.write("model/model.safetensors.index.json", text);
    WEFT_CHECK_FAILS(Weights::open(directory.path() / "model"), "CORRUPT_FILE", "weight_map");
  }
}

TEST_CASE("a file in the directory may be a link to elsewhere") {
  const TemporaryDirectory directory;
  std::filesystem::create_directory(directory.path() / "snapshot");
  write_safetensors(directory.path() / "blob", {{"a", floats({1}, 7)}});
  std::filesystem::create_symlink("../blob", directory.path() / "snapshot" / "model.safetensors");
  CHECK(read_all(Weights::open(directory.path() / "snapshot").get("a")) == std::vector<float>{7});
}

TEST_CASE("a directory without safetensors says what it has instead") {
  const TemporaryDirectory directory;
  WEFT_CHECK_FAILS(Weights::open(directory.path()), "NOT_FOUND",
                   "expected model.safetensors or model.safetensors.index.json");
  directory.write("pytorch_model.bin", "PK");
  WEFT_CHECK_FAILS(Weights::open(directory.path()), "UNSUPPORTED", "found only pytorch_model.bin");
  WEFT_CHECK_FAILS(Weights::open(directory.path() / "none"), "NOT_FOUND", "none");
}

TEST_CASE("a checkpoint cut off after it was opened is an error when it is read") {
  const TemporaryDirectory directory;
  const auto file = directory.path() / "model.safetensors";
  write_safetensors(file, {{"a", floats({100}, 0)}});
  const Weight a = Weights::open(file).get("a");
  std::filesystem::resize_file(file, 200);
  std::vector<float> values(100);
  WEFT_CHECK_FAILS(a.read_f32(0, 1, values.data()), "IO_ERROR", "short read");
}

TEST_CASE("a file of the reference package gives its values in every floating-point type") {
  const Weights weights = Weights::open(golden("safetensors") / "dtypes.safetensors");
  for (const char* name : {"F64", "F32", "F16", "BF16"}) {
    CAPTURE(name);
    const std::vector<float> values = read_all(weights.get(name, {2, 5}));
    for (int i = 0; i < 10; ++i) CHECK(values[i] == static_cast<float>(i - 3) / 2);
  }
}

}  // namespace weft::test
