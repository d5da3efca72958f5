#include "ops/embedding.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "ops/infer_checks.h"
#include "ops/simd/kernels.h"
#include "weft/error.h"

namespace weft {
namespace {

bool is_half(DType dtype) { return dtype == DType::kF16 || dtype == DType::kBF16; }

std::size_t bytes_per_element(DType dtype) { return is_half(dtype) ? 2 : 4; }

}  // namespace

std::shared_ptr<const EmbeddingTable> TableCache::get(const Weight& table, PackStore* store) {
  std::weak_ptr<const EmbeddingTable>& known = tables_[{table.identity(), table.rows()}];
  if (auto found = known.lock()) return found;
  const DType dtype = is_half(table.dtype()) ? table.dtype() : DType::kF32;
  std::size_t bytes = 0;
  if (__builtin_mul_overflow(static_cast<std::size_t>(table.size()), bytes_per_element(dtype),
                             &bytes)) {
    throw Error(Reason::kResourceExhausted,
                fmt::format("[embedding] {}: {} elements do not fit into memory", table.name(),
                            table.size()));
  }
  Packed data = get_packed(store, bytes, [&](std::byte* out) {
    if (table.dtype() == DType::kF64) {
      table.read_f32(0, table.rows(), reinterpret_cast<float*>(out));
    } else {
      table.read_raw(0, table.rows(), out);
    }
  });
  auto packed = std::make_shared<EmbeddingTable>(EmbeddingTable{std::move(data), dtype});
  known = packed;
  return packed;
}

EmbeddingOp::EmbeddingOp(std::vector<Weight> tables) : tables_(std::move(tables)) {
  if (!tables_.empty()) label_ = tables_[0].name();
}

std::vector<ValueInfo> EmbeddingOp::infer(std::span<const ValueInfo> in) const {
  if (tables_.empty()) throw_invalid(name(), "expected at least 1 table, found 0");
  expect_inputs(name(), in, tables_.size());
  for (std::size_t i = 0; i < in.size(); ++i) {
    const Weight& table = tables_[i];
    if (!table) throw_invalid(name(), fmt::format("table {}: expected a weight, found none", i));
    if (table.shape().size() != 2 || table.rows() < 1 || table.cols() < 1 ||
        table.cols() != tables_[0].cols()) {
      throw_invalid(name(), fmt::format("{}: expected [entries, {}], found [{}]", table.name(),
                                        tables_[0].cols(), fmt::join(table.shape(), ", ")));
    }
    if (table.dtype() != DType::kF32 && table.dtype() != DType::kF64 && !is_half(table.dtype())) {
      throw Error(Reason::kUnsupported,
                  fmt::format("[embedding] {}: expected F32, F16, BF16 or F64, found {}",
                              table.name(), to_string(table.dtype())));
    }
    if (in[i].dtype != DType::kI32 || in[i].cols != 1 || in[i].per_key) {
      throw_invalid(name(), fmt::format("{}: expected I32 ids of 1 column, found {} of {}",
                                        table.name(), to_string(in[i].dtype), in[i].cols));
    }
    expect_same_rows(name(), in[0], in[i]);
  }
  ValueInfo out = in[0];
  out.cols = tables_[0].cols();
  out.dtype = DType::kF32;
  return {out};
}

std::unique_ptr<Op> EmbeddingOp::compile(const CompileContext& context) const {
  auto compiled = std::make_unique<EmbeddingOp>(tables_);
  compiled->kernels_ = context.kernels;
  TableCache own;
  TableCache& tables = context.tables == nullptr ? own : *context.tables;
  for (const Weight& table : tables_) {
    compiled->packed_.push_back(tables.get(table, context.store));
    const auto& packed = compiled->packed_.back();
    if (packed.use_count() == 1) compiled->packed_bytes_ += packed->data.size();
  }
  return compiled;
}

void EmbeddingOp::describe(const CompileContext&, PackKey& key) const {
  key.add(name());
  for (const Weight& table : tables_) key.add(table);
}

// A row of a 16-bit table is widened there before it is added.
std::size_t EmbeddingOp::scratch_bytes(const Limits&) const {
  const bool needed = std::any_of(tables_.begin(), tables_.end(),
                                  [](const Weight& table) { return is_half(table.dtype()); });
  return needed ? sizeof(float) * static_cast<std::size_t>(tables_[0].cols()) : 0;
}

Work EmbeddingOp::work(const RunContext& context) const {
  const double elements =
      static_cast<double>(context.out[0].rows) * static_cast<double>(context.end - context.begin);
  Work work{.flops = elements * static_cast<double>(packed_.size() - 1), .bytes = 4 * elements};
  for (const auto& table : packed_) {
    work.bytes += elements * static_cast<double>(bytes_per_element(table->dtype));
  }
  return work;
}

void EmbeddingOp::widen(const EmbeddingTable& table, std::int64_t first_element, std::int64_t n,
                        float* y) const noexcept {
  if (table.dtype == DType::kF32) {
    std::copy_n(table.data.f32() + first_element, n, y);
    return;
  }
  const auto* half = reinterpret_cast<const std::uint16_t*>(table.data.data()) + first_element;
  (table.dtype == DType::kF16 ? kernels_->from_f16 : kernels_->from_bf16)(half, y, n);
}

void EmbeddingOp::run(const RunContext& context) const noexcept {
  const std::int64_t hidden = context.out[0].cols;
  const std::int64_t n = context.end - context.begin;
  auto* widened = reinterpret_cast<float*>(context.scratch);
  for (std::int64_t row = 0; row < context.out[0].rows; ++row) {
    float* y = context.out[0].f32(row) + context.begin;
    for (std::size_t i = 0; i < packed_.size(); ++i) {
      const EmbeddingTable& table = *packed_[i];
      const std::int64_t first = *context.in[i].i32(row) * hidden + context.begin;
      if (i == 0) {
        widen(table, first, n, y);
      } else if (table.dtype == DType::kF32) {
        kernels_->add(y, table.data.f32() + first, y, n);
      } else {
        widen(table, first, n, widened);
        kernels_->add(y, widened, y, n);
      }
    }
  }
}

}  // namespace weft
