// What is packed, as numbers: a cache of another layout must not pass for one of this.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <map>
#include <string>
#include <vector>

#include "runtime/packed_cache.h"
#include "tests/temporary_directory.h"
#include "weft/model.h"

namespace weft::test {
namespace {

/// Multiples of 1/64 between -4 and 4, the same on every machine.
std::vector<float> values(std::size_t n, std::uint32_t seed) {
  std::vector<float> result(n);
  for (float& value : result) {
    seed = seed * 1664525u + 1013904223u;
    value = static_cast<float>(static_cast<int>(seed >> 23) - 256) / 64;
  }
  return result;
}

/// The checksum of all that a model of every kind of packed memory packs.
std::uint64_t packed_checksum(Isa isa, ComputeType dtype) {
  const std::vector<float> table = values(11 * 70, 1), weight = values(37 * 70, 2),
                           bias = values(37, 3), gamma = values(70, 4),
                           constant = values(70 * 5, 5);
  Graph graph;
  const RowSpace rows = graph.ragged_rows("rows");
  Value x = graph.embedding(
      {{Weight::from_memory("table", {11, 70}, table.data()), graph.input_ids("ids", rows)}});
  x = graph.layer_norm(x, Weight::from_memory("gamma", {70}, gamma.data()),
                       Weight::from_memory("beta", {70}, gamma.data()), 1e-5f);
  x = graph.rms_norm(x, Weight::from_memory("gamma", {70}, gamma.data()), 1e-5f);
  graph.output("product", graph.linear(x, Weight::from_memory("weight", {37, 70}, weight.data()),
                                       {.bias = Weight::from_memory("bias", {37}, bias.data())}));
  graph.output(
      "constant",
      graph.matmul(x, graph.constant(Weight::from_memory("constant", {70, 5}, constant.data()))));
  const TemporaryDirectory directory;
  CompileOptions options;
  options.isa = isa;
  options.dtype = dtype;
  options.cache_directory = directory.path();
  const auto model = Model::compile(std::move(graph), options);
  REQUIRE(model->cache().state == CacheState::kWritten);
  return read_packed_header(File(model->cache().file)).payload_checksum;
}

}  // namespace

// After a change of what is packed: raise kPackedLayout, unless product_layout() now gives another
// text, and write the sums that this prints.
TEST_CASE("what is packed has not changed since kPackedLayout was raised") {
  REQUIRE(kPackedLayout == 1);
  const std::map<std::string, std::uint64_t> recorded = {
      {"baseline f32", 0xd531d659656271ba},     {"baseline bf16", 0xa23ab9ddcae5b8d8},
      {"baseline int8", 0xd460d676d32d1ac6},    {"avx2 f32", 0x8d14cbd4d04fe413},
      {"avx2 bf16", 0x1812345e60720deb},        {"avx2 int8", 0xf7c56167c33f4a88},
      {"avx512 f32", 0x8e38ef1d38b81ff6},       {"avx512 bf16", 0x02371c5f0dfd848d},
      {"avx512 int8", 0xfab812b9b4cb9002},      {"avx512_vnni f32", 0x8e38ef1d38b81ff6},
      {"avx512_vnni bf16", 0x02371c5f0dfd848d}, {"avx512_vnni int8", 0x78ff64dc961a95fd},
      {"avx512_bf16 f32", 0x8e38ef1d38b81ff6},  {"avx512_bf16 bf16", 0x02371c5f0dfd848d},
      {"avx512_bf16 int8", 0x78ff64dc961a95fd}, {"amx f32", 0x8e38ef1d38b81ff6},
      {"amx bf16", 0x02371c5f0dfd848d},         {"amx int8", 0xff44e7df66ce5efe},
  };
  for (const Isa isa : available_isas()) {
    for (const ComputeType dtype : {ComputeType::kF32, ComputeType::kBf16, ComputeType::kInt8}) {
      const std::string name = fmt::format("{} {}", to_string(isa), to_string(dtype));
      const std::uint64_t sum = packed_checksum(isa, dtype);
      const auto found = recorded.find(name);
      CHECK_MESSAGE((found != recorded.end() && found->second == sum),
                    fmt::format("{{\"{}\", 0x{:016x}}},", name, sum));
    }
  }
}

}  // namespace weft::test
