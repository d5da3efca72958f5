#include "weft/safetensors.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>

#include "tests/failure.h"
#include "tests/paths.h"
#include "tests/runtime/container.h"
#include "tests/temporary_directory.h"
#include "weft/weights.h"

namespace weft::test {
namespace {

const std::string kFour(4, '\1');
const std::string kEight(8, '\2');

// The file is refused by both readers for the same reason.
void check_corrupt(std::string_view bytes, const char* part) {
  const TemporaryDirectory directory;
  const auto file = directory.write("x.safetensors", bytes);
  WEFT_CHECK_FAILS(read_safetensors(file), "CORRUPT_FILE", part);
  WEFT_CHECK_FAILS(Weights::open(file), "CORRUPT_FILE", "x.safetensors");
}

NamedArrays read_bytes(std::string_view bytes) {
  const TemporaryDirectory directory;
  return read_safetensors(directory.write("x.safetensors", bytes));
}

std::string file_bytes(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

}  // namespace

TEST_CASE("files shorter than the header's length are refused") {
  for (std::size_t size = 0; size < 8; ++size) {
    check_corrupt(std::string(size, '\0'), "shorter than the 8");
  }
}

TEST_CASE("a header's length beyond the file or the limit is refused, also where it wraps") {
  check_corrupt(container(3, "{}", ""), "header of 3 bytes, file of 10 bytes");
  check_corrupt(container(UINT64_MAX, "{}", ""), "header of 18446744073709551615 bytes");
  check_corrupt(container(UINT64_MAX - 7, "{}", ""), "header of");
  check_corrupt(container(INT64_MAX, "{}", ""), "header of");
  const TemporaryDirectory directory;
  const auto file = directory.write("x.safetensors", container(100'000'001, "{}", ""));
  std::filesystem::resize_file(file, 200'000'000);  // sparse
  WEFT_CHECK_FAILS(read_safetensors(file), "CORRUPT_FILE", "header of 100000001 bytes");
}

TEST_CASE("a header that is not strict JSON is refused with the byte") {
  check_corrupt(container(""), "byte 0");
  check_corrupt(container("{"), "byte 1");
  check_corrupt(container("[]"), "expected an object");
  check_corrupt(container("{}x"), "byte 2");
  check_corrupt(container(std::string("{}\0", 3)), "byte 2");
  check_corrupt(container("{\"\xFF\":1}"),
                "byte 2: while parsing object key - invalid string: ill-formed UTF-8");
  check_corrupt(container("{\"\\ud800\":1}"), "surrogate");
  check_corrupt(container(std::string(100'000, '[')), "depth");
}

TEST_CASE("white space around the header is accepted") {
  CHECK(read_bytes(container("  {}   ")).empty());
  CHECK(read_bytes(container("{}")).empty());
  CHECK(read_bytes(container(" {" + entry("a", "[1]", "[0,4]") + "}  ", kFour)).size() == 1);
}

TEST_CASE("names and fields that occur twice are refused, also when escaped") {
  const std::string a = entry("a", "[1]", "[0,4]");
  check_corrupt(container("{" + a + "," + a + "}", kFour), "\"a\" twice");
  check_corrupt(container("{" + a + "," + entry("\\u0061", "[1]", "[4,8]") + "}", kEight),
                "\"a\" twice");
  check_corrupt(container("{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[1],"
                          "\"data_offsets\":[0,4]}}",
                          kFour),
                "\"dtype\" twice");
}

TEST_CASE("an entry has a dtype, a shape and offsets of the right kinds") {
  check_corrupt(container("{\"a\":1}"), "tensor \"a\": expected an object, found 1");
  check_corrupt(container("{\"a\":{}}"), "tensor \"a\"");
  check_corrupt(container("{\"a\":{\"dtype\":1,\"shape\":[],\"data_offsets\":[0,4]}}", kFour),
                "dtype");
  check_corrupt(container("{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", kFour), "shape");
  check_corrupt(container("{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", kFour), "data_offsets");
  check_corrupt(container("{" + entry("a", "{}", "[0,4]") + "}", kFour), "shape");
  check_corrupt(container("{" + entry("a", "[1]", "[0]") + "}", kFour), "data_offsets");
  check_corrupt(container("{" + entry("a", "[1]", "[0,4,4]") + "}", kFour), "data_offsets");
}

TEST_CASE("sizes and offsets are whole numbers written as such") {
  for (const char* number : {"-1", "1.0", "1e0", "18446744073709551616", "9223372036854775808",
                             "99999999999999999999999999", "\"1\"", "null", "true"}) {
    CAPTURE(number);
    const std::string n(number);
    check_corrupt(container("{" + entry("a", "[" + n + "]", "[0,4]") + "}", kFour), "shape");
    check_corrupt(container("{" + entry("a", "[1]", "[0," + n + "]") + "}", kFour), "data_offsets");
    check_corrupt(container("{" + entry("a", "[1]", "[" + n + ",4]") + "}", kFour), "data_offsets");
  }
  check_corrupt(container("{" + entry("a", "[01]", "[0,4]") + "}", kFour),
                "unexpected number literal");
}

TEST_CASE("a shape whose product overflows is refused, also behind a zero") {
  for (const char* shape :
       {"[2,9223372036854775807]", "[4294967296,4294967296]",
        "[9223372036854775807,9223372036854775807]", "[0,9223372036854775807,4]",
        "[9223372036854775807,4,0]", "[4294967296,0,4294967296,4294967296]"}) {
    CAPTURE(shape);
    check_corrupt(container("{" + entry("a", shape, "[0,0]") + "}"), "overflows");
  }
  check_corrupt(container("{" + entry("a", "[2305843009213693952]", "[0,0]") + "}"), "takes");
  check_corrupt(container("{" + entry("a", "[4611686018427387904]", "[0,0]") + "}"), "takes");
}

TEST_CASE("the bytes of a tensor fit its shape and dtype exactly") {
  check_corrupt(container("{" + entry("a", "[2]", "[0,4]") + "}", kFour),
                "tensor \"a\": F32 [2] takes 8 bytes, data_offsets [0, 4] hold 4");
  check_corrupt(container("{" + entry("a", "[1]", "[0,4]", "F16") + "}", kFour), "takes 2 bytes");
  check_corrupt(container("{" + entry("a", "[1]", "[0,1]", "F4") + "}", "x"), "no whole number");
  check_corrupt(container("{" + entry("a", "[0]", "[0,4]") + "}", kFour), "takes 0 bytes");
}

TEST_CASE("the data is covered exactly once") {
  const auto two = [](const char* first, const char* second) {
    return "{" + entry("a", "[1]", first) + "," + entry("b", "[1]", second) + "}";
  };
  check_corrupt(container("{" + entry("a", "[1]", "[4,0]") + "}", kFour), "found [4, 0]");
  check_corrupt(container("{" + entry("a", "[1]", "[0,4]") + "}", "123"), "cut off");
  check_corrupt(container("{" + entry("a", "[1]", "[0,4]") + "}", "12345"),
                "1 bytes at byte 66 belong to no tensor");
  check_corrupt(container("{}", kFour), "4 bytes at byte 10 belong to no tensor");
  check_corrupt(container(two("[0,4]", "[0,4]"), kFour), "overlap");
  check_corrupt(container(two("[0,4]", "[2,6]"), "123456"), "overlap");
  check_corrupt(container(two("[0,4]", "[5,9]"), "123456789"), "a hole");
  check_corrupt(container("{" + entry("a", "[1]", "[4,8]") + "}", kEight), "a hole");
  check_corrupt(
      container("{" + entry("a", "[1]", "[9223372036854775803,9223372036854775807]") + "}", kFour),
      "beyond the 4 bytes");
  CHECK(read_bytes(container(two("[4,8]", "[0,4]"), kEight)).size() == 2);
}

TEST_CASE("metadata maps strings to strings") {
  CHECK(read_bytes(container("{\"__metadata__\":{\"format\":\"pt\"}}")).empty());
  check_corrupt(container("{\"__metadata__\":{\"a\":1}}"), "__metadata__: \"a\"");
  check_corrupt(container("{\"__metadata__\":[]}"), "__metadata__");
}

TEST_CASE("ranks 0 to 8 are read, more is refused") {
  CHECK(read_bytes(container("{" + entry("a", "[]", "[0,4]") + "}", kFour)).at("a").size() == 1);
  CHECK(read_bytes(container("{" + entry("a", "[1,1,1,1,1,1,1,1]", "[0,4]") + "}", kFour))
            .at("a")
            .shape.size() == 8);
  check_corrupt(container("{" + entry("a", "[1,1,1,1,1,1,1,1,1]", "[0,4]") + "}", kFour),
                "more than 8");
}

TEST_CASE("a tensor at an odd offset is read bytewise") {
  const std::string header =
      "{" + entry("byte", "[1]", "[0,1]", "U8") + "," + entry("a", "[2]", "[1,9]") + "}";
  const float values[] = {1.5F, -2.0F};
  std::string data(9, '\7');
  std::memcpy(data.data() + 1, values, 8);
  const NamedArrays arrays = read_bytes(container(header, data));
  CHECK(arrays.at("a").values<float>()[0] == 1.5F);
  CHECK(arrays.at("a").values<float>()[1] == -2.0F);
  const TemporaryDirectory directory;
  float read[2] = {};
  Weights::open(directory.write("x.safetensors", container(header, data)))
      .get("a", {2})
      .read_f32(0, 1, read);
  CHECK(std::memcmp(read, values, 8) == 0);
}

TEST_CASE("a hundred thousand tensors and a name of a megabyte are read in no time") {
  std::string header = "{";
  for (int i = 0; i < 100'000; ++i) {
    header += entry("tensor." + std::to_string(i), "[0]", "[0,0]") + ",";
  }
  header += entry(std::string(1'000'000, 'n'), "[0]", "[0,0]") + "}";
  CHECK(read_bytes(container(header)).size() == 100'001);
  check_corrupt(container("{" + entry(std::string(1'000'000, 'n'), "[1]", "[0,0]") + "}"),
                "tensor \"nnn");
}

// Resident memory only ever rises: each header below is refused or read within what is allowed for
// it.
TEST_CASE("a header costs a small multiple of its size whatever it says") {
  const auto peak_bytes = [] {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return static_cast<double>(usage.ru_maxrss) * 1024;
  };
  const auto repeated = [](std::string_view begin, const auto& item, std::string_view end) {
    std::string text(begin);
    for (int i = 0; text.size() < 32'000'000; ++i) text += item(i);
    text.pop_back();
    return text + std::string(end);
  };
  const std::string hostile[] = {
      repeated(
          "{", [](int) { return "\"\":0,"; }, "}"),
      repeated(
          "{\"__metadata__\":{", [](int i) { return fmt::format("\"{}\":\"\",", i); }, "}}"),
      repeated(
          "{\"a\":{", [](int i) { return fmt::format("\"{}\":[],", i); }, "}}"),
      repeated(
          "{", [](int i) { return entry(fmt::format("{}", i), "[]", "[0,0]", "") + ","; }, "}"),
  };
  const double before = peak_bytes();
  for (const std::string& header : hostile) {
    const TemporaryDirectory directory;
    const auto file = directory.write("x.safetensors", container(header));
    try {
      Weights::open(file);
    } catch (const Error& error) {
      CHECK(error.reason() == Reason::kCorruptFile);
    }
  }
#ifdef __SANITIZE_ADDRESS__
  constexpr double kMost = 20;  // its red zones, and what is freed stays for a while
#else
  constexpr double kMost = 6;
#endif
  CHECK((peak_bytes() - before) / 32e6 < kMost);
}

TEST_CASE("files of another kind are called by their name") {
  check_corrupt("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 90868376\n",
                "Git LFS pointer");
  check_corrupt("<!DOCTYPE html><html><head><title>404</title>", "HTML page");
  check_corrupt("PK\x03\x04\x14\x01\x02\x03\x04\x05\x06\x07", "zip archive");
  check_corrupt("\x80\x02\x8A\x0AlAUDDDDDD\x19\x8A\x02", "pickle");
}

TEST_CASE("a missing file is not found, a directory or a FIFO is no file") {
  const TemporaryDirectory directory;
  WEFT_CHECK_FAILS(read_safetensors(directory.path() / "none"), "NOT_FOUND", "none");
  WEFT_CHECK_FAILS(read_safetensors(directory.path()), "IO_ERROR", "directory");
  REQUIRE(::mkfifo((directory.path() / "fifo").c_str(), 0600) == 0);
  WEFT_CHECK_FAILS(read_safetensors(directory.path() / "fifo"), "IO_ERROR", "FIFO");
}

TEST_CASE("a file of the reference package is read, every dtype") {
  const NamedArrays arrays = read_safetensors(golden("safetensors") / "dtypes.safetensors");
  CHECK(arrays.size() == 18);
  const auto values = [&](const char* name) { return arrays.at(name); };
  for (int i = 0; i < 10; ++i) {
    const double expected = (i - 3) / 2.0;
    CHECK(values("F64").values<double>()[i] == expected);
    CHECK(values("F32").values<float>()[i] == static_cast<float>(expected));
    CHECK(values("I64").values<std::int64_t>()[i] == i);
    CHECK(values("I32").values<std::int32_t>()[i] == i);
    CHECK(values("I16").values<std::int16_t>()[i] == i);
    CHECK(values("I8").values<std::int8_t>()[i] == i);
    CHECK(values("U64").values<std::uint64_t>()[i] == static_cast<std::uint64_t>(i));
    CHECK(values("U8").values<std::uint8_t>()[i] == i);
    CHECK(values("BOOL").values<std::uint8_t>()[i] == i % 2);
  }
  CHECK(values("F32").shape == std::vector<std::int64_t>{2, 5});
  CHECK(values("F16").dtype == DType::kF16);
  CHECK(values("F8_E4M3").dtype == DType::kF8E4M3);
  CHECK(values("F8_E5M2").data.size() == 10);
  CHECK(values("scalar").shape.empty());
  CHECK(values("scalar").values<float>()[0] == 2.5F);
  CHECK(values("empty").shape == std::vector<std::int64_t>{3, 0, 4});
  CHECK(values("name \"with\" \\ \xC3\xBCtf\n").values<float>()[1] == 2.0F);
  CHECK(read_safetensors(golden("safetensors") / "no_tensors.safetensors").empty());
}

TEST_CASE("what is written is read back, and written again to the same bytes") {
  const TemporaryDirectory directory;
  NamedArrays arrays = read_safetensors(golden("safetensors") / "dtypes.safetensors");
  const auto first = directory.path() / "first.safetensors";
  write_safetensors(first, arrays);
  const NamedArrays again = read_safetensors(first);
  REQUIRE(again.size() == arrays.size());
  for (const auto& [name, array] : arrays) {
    CAPTURE(name);
    CHECK(again.at(name).dtype == array.dtype);
    CHECK(again.at(name).shape == array.shape);
    CHECK(again.at(name).data == array.data);
  }
  write_safetensors(directory.path() / "second.safetensors", again);
  CHECK(file_bytes(first) == file_bytes(directory.path() / "second.safetensors"));
  CHECK(static_cast<unsigned char>(file_bytes(first)[0]) % 8 == 0);
}

TEST_CASE("what cannot be written leaves no file") {
  const TemporaryDirectory directory;
  const auto file = directory.path() / "x.safetensors";
  NamedArrays arrays{{"a", Array(DType::kF32, {2, 3})}};
  arrays["a"].shape = {2, 4};
  WEFT_CHECK_FAILS(write_safetensors(file, arrays), "INVALID_ARGUMENT",
                   "shape [2, 4] of F32 does not fit 24 bytes");
  NamedArrays named{{"__metadata__", Array(DType::kF32, {1})}};
  WEFT_CHECK_FAILS(write_safetensors(file, named), "INVALID_ARGUMENT", "not a possible name");
  NamedArrays malformed{{"\xFF", Array(DType::kF32, {1})}};
  WEFT_CHECK_FAILS(write_safetensors(file, malformed), "INVALID_ARGUMENT", "not a possible name");
  WEFT_CHECK_FAILS(write_safetensors(directory.path() / "no" / "x", NamedArrays{}), "IO_ERROR",
                   "cannot create");
  CHECK(directory.entries().size() == 0);
}

TEST_CASE("arrays know their size and refuse impossible shapes") {
  CHECK(Array(DType::kF32, {2, 3}).size() == 6);
  CHECK(Array(DType::kF32, {}).data.size() == 4);
  CHECK(Array(DType::kF32, {0, 3}).data.empty());
  WEFT_CHECK_FAILS(Array(DType::kF32, {-1}), "INVALID_ARGUMENT", "[-1]");
  WEFT_CHECK_FAILS(Array(DType::kF32, {INT64_MAX, 2}), "INVALID_ARGUMENT", "too large");
  WEFT_CHECK_FAILS(Array(DType::kF32, {INT64_MAX / 8}), "INVALID_ARGUMENT", "too large");
}

TEST_CASE("no flipped byte and no cut makes a reader misbehave") {
  const TemporaryDirectory directory;
  const std::string header = "{\"__metadata__\":{\"k\":\"v\"}," + entry("a", "[2,1]", "[0,8]") +
                             "," + entry("\\u00e9", "[3]", "[8,14]", "BF16") + "}  ";
  const std::string whole = container(header, std::string(14, '\3'));
  int loaded = 0;
  int refused = 0;
  const auto load = [&](const std::string& bytes) {
    const auto file = directory.write("x.safetensors", bytes);
    try {
      for (const auto& [name, array] : read_safetensors(file)) {
        REQUIRE(array.data.size() <= bytes.size());
      }
      const Weights weights = Weights::open(file);
      for (const std::string& name : weights.names()) {
        const Weight weight = weights.get(name);
        std::vector<float> values(static_cast<std::size_t>(weight.size()));
        weight.read_f32(0, weight.rows(), values.data());
      }
      ++loaded;
    } catch (const Error&) {
      ++refused;
    }
  };
  load(whole);
  REQUIRE(loaded == 1);
  for (std::size_t size = 0; size < whole.size(); ++size) load(whole.substr(0, size));
  CHECK(loaded == 1);
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const int mask : {0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xFF}) {
      std::string bytes = whole;
      bytes[at] = static_cast<char>(bytes[at] ^ mask);
      load(bytes);
    }
  }
  CHECK(loaded > 14 * 9);
  CHECK(refused > 1000);
}

}  // namespace weft::test
