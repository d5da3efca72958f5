#include "ops/concat.h"

#include <fmt/format.h>

#include <algorithm>

#include "ops/infer_checks.h"

namespace weft {

std::vector<ValueInfo> ConcatOp::infer(std::span<const ValueInfo> in) const {
  if (in.empty()) throw_invalid(name(), "expected at least 1 input, found 0");
  ValueInfo out = in[0];
  out.cols = 0;
  for (std::size_t i = 0; i < in.size(); ++i) {
    expect_f32_matrix(name(), fmt::format("input {}", i), in[i]);
    expect_same_rows(name(), in[0], in[i]);
    if (__builtin_add_overflow(out.cols, in[i].cols, &out.cols)) {
      throw_invalid(name(), "expected fewer than 2^63 columns in all");
    }
  }
  return {out};
}

std::unique_ptr<Op> ConcatOp::compile(const CompileContext&) const {
  return std::make_unique<ConcatOp>();
}

Work ConcatOp::work(const RunContext& context) const {
  return {.flops = 0,
          .bytes = 8 * static_cast<double>(context.out[0].rows) *
                   static_cast<double>(context.out[0].cols)};
}

void ConcatOp::run(const RunContext& context) const noexcept {
  for (std::int64_t row = 0; row < context.out[0].rows; ++row) {
    float* y = context.out[0].f32(row);
    for (const Tensor& x : context.in) y = std::copy_n(x.f32(row), x.cols, y);
  }
}

}  // namespace weft
