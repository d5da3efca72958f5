// linear: c = activation(x W^T + b) + residual, the operator that nearly all time goes to.
// Several projections of one input are one product, their outputs side by side.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "ops/gemm/product.h"
#include "ops/op.h"

namespace weft {

/// The packed weights of one model while it is compiled. Layers that share their parameters
/// (ALBERT) get one product: the same stored tensors, by Weight::identity and shape, in the same
/// order, with one activation and one dtype.
class ProductCache {
 public:
  /// What make_product() gives, made at most once.
  std::shared_ptr<const Product> get(const CompileContext& context,
                                     const std::vector<ProductPart>& parts, Activation activation);

 private:
  std::map<std::vector<std::uintptr_t>, std::weak_ptr<const Product>> products_;
};

/// Inputs: x (rows, in_features) and, optionally, a residual (rows, out_features), which is added
/// after the activation. Output: (rows, out_features), the sum over the parts. Equals PyTorch's
/// torch.nn.Linear; labelled by the first part's weight name.
class LinearOp final : public Op {
 public:
  /// Keeps handles of the weights; nothing is read before compile().
  LinearOp(std::vector<ProductPart> parts, Activation activation);

  std::string_view name() const override { return "linear"; }
  std::string_view label() const override { return label_; }
  /// Checks the weights' and biases' shapes too; every message names the weight.
  std::vector<ValueInfo> infer(std::span<const ValueInfo> in) const override;
  /// Packs the weights: throws what Weight::read_f32 throws.
  std::unique_ptr<Op> compile(const CompileContext& context) const override;
  void describe(const CompileContext& context, PackKey& key) const override;
  std::int64_t column_grain() const override;
  std::size_t scratch_bytes(const Limits& limits) const override;
  /// Of a shared product, those that were packed for this operator: none but for the first.
  std::size_t packed_bytes() const override;
  Work work(const RunContext& context) const override;
  void run(const RunContext& context) const noexcept override;
  std::string kernel() const override;

 private:
  LinearOp(std::string label, Activation activation, std::shared_ptr<const Product> product,
           std::size_t packed_bytes);

  std::vector<ProductPart> parts_;  // empty once compiled
  std::string label_;
  Activation activation_;
  std::shared_ptr<const Product> product_;  // null until compiled
  std::size_t packed_bytes_ = 0;
};

}  // namespace weft
