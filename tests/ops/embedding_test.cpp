#include "ops/embedding.h"

#include <doctest/doctest.h>

#include "tests/ops/run_op.h"
#include "tests/reference.h"

namespace weft::test {
namespace {

// Elements of any dtype in memory.
class BytesSource final : public WeightSource {
 public:
  BytesSource(std::vector<std::byte> bytes, std::int64_t element_bytes)
      : bytes_(std::move(bytes)), element_bytes_(element_bytes) {}
  void read(std::int64_t first, std::int64_t count, void* out) const override {
    std::memcpy(out, bytes_.data() + first * element_bytes_,
                static_cast<std::size_t>(count * element_bytes_));
  }

 private:
  std::vector<std::byte> bytes_;
  std::int64_t element_bytes_;
};

template <typename T>
Weight table(std::string name, std::vector<std::int64_t> shape, DType dtype,
             const std::vector<T>& values) {
  std::vector<std::byte> bytes(values.size() * sizeof(T));
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return {std::move(name), std::move(shape), dtype,
          std::make_shared<BytesSource>(std::move(bytes), static_cast<std::int64_t>(sizeof(T)))};
}

constexpr std::int64_t kEntries = 9;
constexpr std::int64_t kHidden = 37;

// Entries that all four dtypes can hold exactly: small multiples of 1/4.
double entry(std::int64_t id, std::int64_t col) {
  return static_cast<double>((id * 31 + col * 7) % 61 - 30) / 4;
}

// The binary16 and bfloat16 of such a value.
std::uint16_t to_half(double value) {
  if (value == 0) return 0;
  int exponent = 0;
  const double fraction = std::frexp(std::fabs(value), &exponent);  // in [0.5, 1)
  const auto mantissa = static_cast<int>((fraction * 2 - 1) * 1024);
  return static_cast<std::uint16_t>((value < 0 ? 0x8000 : 0) | ((exponent + 14) << 10) | mantissa);
}
std::uint16_t to_bfloat16(double value) {
  const auto narrow = static_cast<float>(value);
  std::uint32_t bits;
  std::memcpy(&bits, &narrow, 4);
  return static_cast<std::uint16_t>(bits >> 16);
}

template <typename T, typename Convert>
Weight table_of(DType dtype, Convert convert) {
  std::vector<T> values;
  for (std::int64_t id = 0; id < kEntries; ++id) {
    for (std::int64_t col = 0; col < kHidden; ++col) values.push_back(convert(entry(id, col)));
  }
  return table("table", {kEntries, kHidden}, dtype, values);
}

std::vector<Weight> tables_of_all_dtypes() {
  return {table_of<float>(DType::kF32, [](double x) { return static_cast<float>(x); }),
          table_of<std::uint16_t>(DType::kF16, to_half),
          table_of<std::uint16_t>(DType::kBF16, to_bfloat16),
          table_of<double>(DType::kF64, [](double x) { return x; })};
}

}  // namespace

TEST_CASE("every pair of table dtypes gives the exact sum of its entries") {
  TestMatrix first = TestMatrix::ids({0, 8, 3, 3, 5}), second = TestMatrix::ids({1, 0, 8, 2, 2});
  const std::vector<Tensor> in{first.tensor(DType::kI32), second.tensor(DType::kI32)};
  for (const Weight& a : tables_of_all_dtypes()) {
    for (const Weight& b : tables_of_all_dtypes()) {
      CAPTURE(std::string(to_string(a.dtype())));
      CAPTURE(std::string(to_string(b.dtype())));
      TestMatrix y = run_row_wise(EmbeddingOp({a, b}), in, kHidden);
      for (std::int64_t i = 0; i < 5; ++i) {
        for (std::int64_t k = 0; k < kHidden; ++k) {
          const double expected = entry(*in[0].i32(i), k) + entry(*in[1].i32(i), k);
          CHECK(static_cast<double>(y.at(i, k)) == expected);
        }
      }
    }
  }
}

TEST_CASE("look-ups are summed in the order given") {
  // In float, (1e8 + 1) - 1e8 is 0 and (1e8 - 1e8) + 1 is 1.
  const std::vector<float> big{1e8f}, one{1.0f}, minus{-1e8f};
  const Weight a = Weight::from_memory("a", {1, 1}, big.data());
  const Weight b = Weight::from_memory("b", {1, 1}, one.data());
  const Weight c = Weight::from_memory("c", {1, 1}, minus.data());
  TestMatrix zero = TestMatrix::ids({0});
  const std::vector<Tensor> in(3, zero.tensor(DType::kI32));
  CHECK(run_row_wise(EmbeddingOp({a, b, c}), in, 1).at(0, 0) == 0.0f);
  CHECK(run_row_wise(EmbeddingOp({a, c, b}), in, 1).at(0, 0) == 1.0f);
}

TEST_CASE("tables keep their stored size") {
  const std::vector<Weight> tables = tables_of_all_dtypes();
  const std::size_t elements = kEntries * kHidden;
  for (const auto& [index, bytes] : {std::pair{0u, 4u}, {1u, 2u}, {2u, 2u}, {3u, 4u}}) {
    const EmbeddingOp op({tables[index]});
    CHECK(op.compile(compile_context_under_test())->packed_bytes() == elements * bytes);
    CHECK(op.entries(0) == kEntries);
  }
}

TEST_CASE("embedding names the table whose shape, dtype or ids do not fit") {
  const std::vector<Weight> tables = tables_of_all_dtypes();
  const std::vector<float> values(60);
  const EmbeddingOp op({tables[0], tables[1]});
  CHECK(op.infer(std::vector{i32_value(2, 1), i32_value(2, 1)})[0].cols == kHidden);
  infer_error(EmbeddingOp({}), {});
  infer_error(op, {i32_value(2, 1)});
  infer_error(op, {i32_value(2, 1), i32_value(3, 1)});
  infer_error(op, {i32_value(2, 2), i32_value(2, 1)});
  CHECK(infer_error(op, {i32_value(2, 1), f32_value(2, 1)}).find("table: expected I32") !=
        std::string::npos);
  const Weight narrow = Weight::from_memory("narrow", {2, 30}, values.data());
  CHECK(infer_error(EmbeddingOp({tables[0], narrow}), {i32_value(2, 1), i32_value(2, 1)})
            .find("narrow: expected [entries, 37], found [2, 30]") != std::string::npos);
  const Weight vector = Weight::from_memory("vector", {60}, values.data());
  infer_error(EmbeddingOp({vector}), {i32_value(2, 1)});
  const Weight bytes = table<std::uint8_t>("bytes", {2, 2}, DType::kU8, {1, 2, 3, 4});
  CHECK(infer_error(EmbeddingOp({bytes}), {i32_value(2, 1)}, Reason::kUnsupported)
            .find("bytes: expected F32, F16, BF16 or F64, found U8") != std::string::npos);
}

}  // namespace weft::test
