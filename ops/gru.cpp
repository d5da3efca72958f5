#include "ops/gru.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "ops/infer_checks.h"
#include "ops/linear.h"
#include "ops/simd/kernels.h"

namespace weft {
namespace {

// Sequences of an item: enough that each step's product reads its weights for many rows.
constexpr std::int64_t kMostSequences = 64;
// Of one element of the state: two sigmoids, a tanh, the mix.
constexpr double kGateFlops = 60;

// Whole lines of the cache, an odd number of them, so that rows do not meet in one set.
std::int64_t row_stride(std::int64_t cols) { return ((cols + 15) / 16 | 1) * 16; }

std::int64_t gate_columns(std::string_view name, const ValueInfo& value,
                          std::string_view argument) {
  expect_f32_matrix(name, argument, value);
  if (value.cols % 3 != 0) {
    throw_invalid(name, fmt::format("{}: expected three gates side by side, found {} columns",
                                    argument, value.cols));
  }
  return value.cols / 3;
}

}  // namespace

GruOp::GruOp(ProductPart recurrent, std::int32_t sequences)
    : recurrent_(std::move(recurrent)),
      sequences_(sequences),
      label_(recurrent_.weight.name()),
      size_(recurrent_.weight ? recurrent_.weight.cols() : 0) {}

std::vector<ValueInfo> GruOp::infer(std::span<const ValueInfo> in) const {
  if (in.empty() || in.size() > 2) {
    throw_invalid(name(), fmt::format("expected 1 or 2 inputs, found {}", in.size()));
  }
  const std::int64_t size = gate_columns(name(), in[0], "x");
  const Weight& weight = recurrent_.weight;
  if (!weight || weight.shape().size() != 2 || weight.rows() != 3 * size || weight.cols() != size) {
    throw_invalid(name(),
                  fmt::format("{}: expected {} x {} for an input of {} columns, found {}", label_,
                              3 * size, size, in[0].cols, fmt::join(weight.shape(), " x ")));
  }
  if (recurrent_.bias) expect_vector(name(), recurrent_.bias, 3 * size);
  if (in.size() == 2) {
    expect_f32_matrix(name(), "first state", in[1]);
    if (in[1].cols != size || in[1].rows != sequences_) {
      throw_invalid(name(), fmt::format("first state: expected {} columns in row space {}, one row "
                                        "per sequence, found {} in {}",
                                        size, sequences_, in[1].cols, in[1].rows));
    }
  }
  ValueInfo states = in[0];
  states.cols = size;
  ValueInfo last = states;
  last.rows = sequences_;
  last.fixed_rows = -1;
  return {states, last};
}

std::unique_ptr<Op> GruOp::compile(const CompileContext& context) const {
  CompileContext exact = context;
  exact.dtype = ComputeType::kF32;
  ProductCache own;
  ProductCache& products = context.products == nullptr ? own : *context.products;
  auto compiled = std::make_unique<GruOp>(*this);
  compiled->recurrent_ = {};
  compiled->kernels_ = context.kernels;
  compiled->product_ = products.get(exact, {recurrent_}, Activation::kNone);
  compiled->packed_bytes_ =
      compiled->product_.use_count() == 1 ? compiled->product_->packed_bytes() : 0;
  return compiled;
}

void GruOp::describe(const CompileContext& context, PackKey& key) const {
  key.add(name()).add(product_layout(context.isa, ComputeType::kF32));
  key.add(recurrent_.weight).add(recurrent_.bias);
}

std::int64_t GruOp::items(const RunContext& context) const {
  const std::int64_t sequences = context.in_rows[0].sequences();
  const std::int64_t groups = (sequences + kMostSequences - 1) / kMostSequences;
  return std::min(sequences, std::max<std::int64_t>(std::max(1, context.threads), groups));
}

std::size_t GruOp::scratch_bytes(const Limits&) const {
  const std::int64_t floats = kMostSequences * (row_stride(size_) + row_stride(3 * size_));
  return static_cast<std::size_t>(floats) * sizeof(float) + product_->scratch_bytes(kMostSequences);
}

std::string GruOp::kernel() const { return product_ ? product_->kernel() : std::string(); }

// The sequences of an item by falling length.
struct GruOp::Group {
  const RowsView& view;
  std::int64_t item, items, count;
  std::int32_t sequence(std::int64_t i) const {
    return view.by_length[static_cast<std::size_t>(item + i * items)];
  }
  std::int64_t first_row(std::int64_t i) const {
    return view.offsets[static_cast<std::size_t>(sequence(i))];
  }
  std::int64_t length(std::int64_t i) const {
    return view.offsets[static_cast<std::size_t>(sequence(i)) + 1] - first_row(i);
  }
};

GruOp::Group GruOp::make_group(const RunContext& context, std::int64_t item) const noexcept {
  const RowsView& view = context.in_rows[0];
  const std::int64_t n = items(context);
  return {view, item, n, (view.sequences() - item + n - 1) / n};
}

Work GruOp::work(const RunContext& context) const {
  double rows = 0;
  for (std::int64_t item = context.begin; item < context.end; ++item) {
    const Group group = make_group(context, item);
    for (std::int64_t i = 0; i < group.count; ++i) rows += static_cast<double>(group.length(i));
  }
  const auto size = static_cast<double>(size_);
  return {.flops = rows * size * (6 * size + kGateFlops), .bytes = 4 * rows * 4 * size};
}

void GruOp::run_group(const RunContext& context, std::int64_t item) const noexcept {
  const Group group = make_group(context, item);
  const Tensor &x = context.in[0], &states = context.out[0], &last = context.out[1];
  auto* memory = reinterpret_cast<float*>(context.scratch);
  Tensor h{memory, group.count, size_, row_stride(size_), DType::kF32};
  Tensor gates{memory + kMostSequences * h.stride, group.count, 3 * size_, row_stride(3 * size_),
               DType::kF32};
  auto* product_scratch = reinterpret_cast<std::byte*>(gates.f32() + kMostSequences * gates.stride);
  for (std::int64_t i = 0; i < group.count; ++i) {
    if (context.in.size() == 2) {
      std::copy_n(context.in[1].f32(group.sequence(i)), size_, h.f32(i));
    } else {
      std::fill_n(h.f32(i), size_, 0.0f);
    }
  }
  std::int64_t alive = group.count;
  for (std::int64_t step = 0;; ++step) {
    while (alive > 0 && group.length(alive - 1) <= step) --alive;
    if (alive == 0) break;
    ProductCall call;
    call.a = h.row_block(0, alive);
    call.c = gates.row_block(0, alive);
    call.last_col = 3 * size_;
    call.scratch = product_scratch;
    product_->run(call);
    for (std::int64_t i = 0; i < alive; ++i) {
      const std::int64_t row = group.first_row(i) + step;
      kernels_->gru(x.f32(row), gates.f32(i), h.f32(i), h.f32(i), size_);
      std::copy_n(h.f32(i), size_, states.f32(row));
    }
  }
  if (last.data == nullptr) return;
  for (std::int64_t i = 0; i < group.count; ++i) {
    std::copy_n(h.f32(i), size_, last.f32(group.sequence(i)));
  }
}

void GruOp::run(const RunContext& context) const noexcept {
  for (std::int64_t item = context.begin; item < context.end; ++item) run_group(context, item);
}

std::vector<ValueInfo> GruGatesOp::infer(std::span<const ValueInfo> in) const {
  expect_inputs(name(), in, 3);
  const std::int64_t size = gate_columns(name(), in[0], "x");
  if (gate_columns(name(), in[1], "g") != size || in[2].cols != size) {
    throw_invalid(name(), fmt::format("expected g of {} columns and h of {} for x of {}, found {} "
                                      "and {}",
                                      3 * size, size, 3 * size, in[1].cols, in[2].cols));
  }
  expect_f32_matrix(name(), "h", in[2]);
  expect_same_rows(name(), in[0], in[1]);
  expect_same_rows(name(), in[0], in[2]);
  return {in[2]};
}

std::unique_ptr<Op> GruGatesOp::compile(const CompileContext& context) const {
  auto compiled = std::make_unique<GruGatesOp>();
  compiled->kernels_ = context.kernels;
  return compiled;
}

Work GruGatesOp::work(const RunContext& context) const {
  const double elements =
      static_cast<double>(context.out[0].rows) * static_cast<double>(context.out[0].cols);
  return {.flops = kGateFlops * elements, .bytes = 32 * elements};
}

void GruGatesOp::run(const RunContext& context) const noexcept {
  for (std::int64_t row = 0; row < context.out[0].rows; ++row) {
    kernels_->gru(context.in[0].f32(row), context.in[1].f32(row), context.in[2].f32(row),
                  context.out[0].f32(row), context.out[0].cols);
  }
}

}  // namespace weft
