#include "ops/matmul.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "ops/gemm/panel_product.h"
#include "weft/error.h"

namespace weft {
namespace {

// Steps of k packed at a time: a panel of at most 32 columns and this depth is 32 KiB of scratch
// and stays in the L2 cache; partial sums wait in c as f32, which leaves every bit as it is.
constexpr std::int64_t kDepth = 256;
constexpr std::int64_t kWidestPanel = 32;

alignas(64) constexpr float kZeros[kWidestPanel] = {};

std::string shape_text(const ValueInfo& value) {
  return fmt::format("{} x {} {}", value.fixed_rows, value.cols, to_string(value.dtype));
}

// panel (depth, width) from rows of b, zeros beyond cols.
void pack_plain(const Tensor& b, std::int64_t first_k, std::int64_t depth, std::int64_t first_col,
                std::int64_t cols, std::int64_t width, float* panel) {
  for (std::int64_t k = 0; k < depth; ++k) {
    float* row = panel + k * width;
    std::memcpy(row, b.f32(first_k + k) + first_col, static_cast<std::size_t>(cols) * 4);
    std::fill(row + cols, row + width, 0.0f);
  }
}

}  // namespace

std::vector<ValueInfo> MatmulOp::infer(std::span<const ValueInfo> in) const {
  const auto invalid = [](const std::string& what) {
    throw Error(Reason::kInvalidArgument, "[matmul] " + what);
  };
  if (in.size() != 2) invalid(fmt::format("expected 2 inputs, found {}", in.size()));
  const ValueInfo& a = in[0];
  const ValueInfo& b = in[1];
  for (const ValueInfo& value : in) {
    if (value.dtype != DType::kF32 || value.per_key) {
      invalid(fmt::format("expected F32 matrices, found {}", to_string(value.dtype)));
    }
  }
  if (b.fixed_rows <= 0 || b.cols <= 0) {
    invalid("expected b with a fixed number of rows, found " + shape_text(b));
  }
  const std::int64_t inner = form_ == MatmulForm::kPlain ? b.fixed_rows : b.cols;
  if (a.cols != inner) {
    invalid(fmt::format("expected a with {} columns for b of {}{}, found {}", inner, shape_text(b),
                        form_ == MatmulForm::kPlain ? "" : " transposed", a.cols));
  }
  ValueInfo out = a;
  out.cols = form_ == MatmulForm::kPlain ? b.cols : b.fixed_rows;
  return {out};
}

std::unique_ptr<Op> MatmulOp::compile(const CompileContext& context) const {
  auto op = std::make_unique<MatmulOp>(form_);
  op->kernels_ = &gemm::kernels(context.isa);
  return op;
}

std::int64_t MatmulOp::column_grain() const {
  return kernels_ == nullptr ? 0 : kernels_->panel_cols;
}

std::size_t MatmulOp::scratch_bytes(const Limits&) const {
  return static_cast<std::size_t>(kDepth * kWidestPanel) * sizeof(float);
}

Work MatmulOp::work(const RunContext& context) const {
  const double rows = static_cast<double>(context.out[0].rows);
  const double k = static_cast<double>(context.in[0].cols);
  const double n = static_cast<double>(context.end - context.begin);
  return {.flops = 2 * rows * n * k, .bytes = 4 * (rows * k + n * k + rows * n)};
}

void MatmulOp::run(const RunContext& context) const noexcept {
  const Tensor& a = context.in[0];
  const Tensor& b = context.in[1];
  const Tensor& c = context.out[0];
  float* panel = reinterpret_cast<float*>(context.scratch);
  const std::int64_t width = kernels_->panel_cols;
  for (std::int64_t col = context.begin; col < context.end; col += width) {
    const std::int64_t cols = std::min(width, context.end - col);
    for (std::int64_t k = 0; k < a.cols; k += kDepth) {
      const std::int64_t depth = std::min(kDepth, a.cols - k);
      if (form_ == MatmulForm::kPlain) {
        pack_plain(b, k, depth, col, cols, width, panel);
      } else {
        kernels_->pack(b.f32(col) + k, b.stride, cols, depth, panel);
      }
      gemm::multiply_panel(*kernels_,
                           {.a = a.f32() + k,
                            .a_stride = a.stride,
                            .panel = panel,
                            .start = k == 0 ? kZeros : nullptr,
                            .c = c.f32() + col,
                            .c_stride = c.stride,
                            .rows = a.rows,
                            .cols = cols,
                            .depth = depth,
                            .next = nullptr},
                           [](std::int64_t, std::int64_t) {});
    }
  }
}

}  // namespace weft
