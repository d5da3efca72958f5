#include "ops/linear.h"

#include <fmt/format.h>

#include "weft/error.h"

namespace weft {
namespace {

[[noreturn]] void invalid(const std::string& label, const std::string& what) {
  throw Error(Reason::kInvalidArgument, fmt::format("[linear] {}: {}", label, what));
}

std::string shape_text(const Weight& weight) {
  return fmt::format("{}", fmt::join(weight.shape(), " x "));
}

void check_part(const ProductPart& part, std::int64_t in_features) {
  const Weight& weight = part.weight;
  if (weight.shape().size() != 2 || weight.rows() == 0 || weight.cols() != in_features) {
    invalid(weight.name(),
            fmt::format("expected out_features x {}, found {}", in_features, shape_text(weight)));
  }
  if (part.bias && (part.bias.shape().size() != 1 || part.bias.cols() != weight.rows())) {
    invalid(part.bias.name(),
            fmt::format("expected {}, found {}", weight.rows(), shape_text(part.bias)));
  }
}

}  // namespace

LinearOp::LinearOp(std::vector<ProductPart> parts, Activation activation)
    : parts_(std::move(parts)), activation_(activation) {
  if (parts_.empty() || !parts_[0].weight) {
    throw Error(Reason::kInvalidArgument, "[linear] expected at least one weight, found none");
  }
  label_ = parts_[0].weight.name();
}

LinearOp::LinearOp(std::string label, Activation activation, std::shared_ptr<const Product> product,
                   std::size_t packed_bytes)
    : label_(std::move(label)),
      activation_(activation),
      product_(std::move(product)),
      packed_bytes_(packed_bytes) {}

std::shared_ptr<const Product> ProductCache::get(const CompileContext& context,
                                                 const std::vector<ProductPart>& parts,
                                                 Activation activation) {
  std::vector<std::uintptr_t> key{static_cast<std::uintptr_t>(activation),
                                  static_cast<std::uintptr_t>(context.dtype)};
  for (const ProductPart& part : parts) {
    key.push_back(reinterpret_cast<std::uintptr_t>(part.weight.identity()));
    key.push_back(static_cast<std::uintptr_t>(part.weight.rows()));
    key.push_back(reinterpret_cast<std::uintptr_t>(part.bias.identity()));
  }
  std::weak_ptr<const Product>& known = products_[key];
  std::shared_ptr<const Product> product = known.lock();
  if (product == nullptr) {
    product =
        make_product(context.gemm, context.isa, context.dtype, parts, activation, context.store);
    known = product;
  }
  return product;
}

std::vector<ValueInfo> LinearOp::infer(std::span<const ValueInfo> in) const {
  if (in.empty() || in.size() > 2) {
    invalid(label_, fmt::format("expected 1 or 2 inputs, found {}", in.size()));
  }
  if (in[0].dtype != DType::kF32 || in[0].per_key) {
    invalid(label_, fmt::format("expected an F32 matrix as x, found {}", to_string(in[0].dtype)));
  }
  if (in[0].cols <= 0)
    invalid(label_, fmt::format("expected x with columns, found {}", in[0].cols));
  ValueInfo out = in[0];
  out.cols = 0;
  for (const ProductPart& part : parts_) {
    if (!part.weight) invalid(label_, "expected a weight in every part, found none");
    check_part(part, in[0].cols);
    if (__builtin_add_overflow(out.cols, part.weight.rows(), &out.cols)) {
      invalid(label_, "expected fewer than 2^63 out_features");
    }
  }
  if (in.size() == 2) {
    const ValueInfo& residual = in[1];
    if (residual.cols != out.cols || residual.dtype != DType::kF32 || residual.per_key) {
      invalid(label_, fmt::format("expected an F32 residual of {} columns, found {} of {}",
                                  out.cols, to_string(residual.dtype), residual.cols));
    }
    if (residual.rows != out.rows) {
      invalid(label_, fmt::format("expected a residual in row space {} as x is, found {}", out.rows,
                                  residual.rows));
    }
  }
  return {out};
}

std::unique_ptr<Op> LinearOp::compile(const CompileContext& context) const {
  ProductCache own;
  ProductCache& products = context.products == nullptr ? own : *context.products;
  std::shared_ptr<const Product> product = products.get(context, parts_, activation_);
  const std::size_t bytes = product.use_count() == 1 ? product->packed_bytes() : 0;
  return std::unique_ptr<Op>(new LinearOp(label_, activation_, std::move(product), bytes));
}

void LinearOp::describe(const CompileContext& context, PackKey& key) const {
  key.add(name()).add(product_layout(context.isa, context.dtype)).add(to_string(activation_));
  for (const ProductPart& part : parts_) key.add(part.weight).add(part.bias);
}

std::int64_t LinearOp::column_grain() const { return product_ ? product_->column_grain() : 0; }

std::size_t LinearOp::scratch_bytes(const Limits& limits) const {
  return product_ ? product_->scratch_bytes(limits.block_rows) : 0;
}

std::size_t LinearOp::packed_bytes() const { return packed_bytes_; }

Work LinearOp::work(const RunContext& context) const {
  const double rows = static_cast<double>(context.out[0].rows);
  const double k = static_cast<double>(context.in[0].cols);
  const double n = static_cast<double>(context.end - context.begin);
  const double written_or_added = rows * n * static_cast<double>(context.in.size());
  return {.flops = 2 * rows * n * k, .bytes = 4 * (rows * k + n * k + written_or_added)};
}

void LinearOp::run(const RunContext& context) const noexcept {
  ProductCall call;
  call.a = context.in[0];
  call.c = context.out[0];
  if (context.in.size() == 2) call.residual = context.in[1];
  call.first_col = context.begin;
  call.last_col = context.end;
  call.scratch = context.scratch;
  product_->run(call);
}

std::string LinearOp::kernel() const { return product_ ? product_->kernel() : std::string(); }

}  // namespace weft
