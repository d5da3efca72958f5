// gru: gated recurrent units (Cho et al. 2014) as PyTorch has them, over whole sequences (GruOp)
// and for one step (GruGatesOp).
//   r = sigmoid(W_ir x + b_ir + W_hr h + b_hr),  z likewise,
//   n = tanh(W_in x + b_in + r (W_hn h + b_hn)),  h' = (1 - z) n + z h.
// Projections of x are one product over all rows, made before (LinearOp): only what depends on the
// state before is computed here.
#pragma once

#include <memory>

#include "ops/gemm/product.h"
#include "ops/op.h"

namespace weft {

/// Inputs: W_ih x + b_ih (rows, 3 H), gates in PyTorch's order r, z, n; optionally the first state
/// (sequences, H), else zeros. Outputs: [0] the states (rows, H); [1] the last one of each sequence
/// (sequences, H). The recurrent product W_hh h + b_hh is computed in f32 whatever the model's
/// dtype: what a state loses is lost in every later one.
///
/// A step multiplies the states of all sequences of an item that are not over yet at once; a row's
/// product does not depend on the others', so neither do the states.
class GruOp final : public Op {
 public:
  /// `recurrent`: W_hh (3 H, H) and b_hh (3 H), the latter optional. `sequences`: id of the row
  /// space with one row per sequence of the input.
  GruOp(ProductPart recurrent, std::int32_t sequences);

  std::string_view name() const override { return "gru"; }
  std::string_view label() const override { return label_; }
  std::vector<ValueInfo> infer(std::span<const ValueInfo> in) const override;
  std::unique_ptr<Op> compile(const CompileContext& context) const override;
  void describe(const CompileContext& context, PackKey& key) const override;
  bool row_wise() const override { return false; }
  /// Item i takes every items()-th sequence by falling length, from the i-th on.
  std::int64_t items(const RunContext& context) const override;
  std::size_t scratch_bytes(const Limits& limits) const override;
  std::size_t packed_bytes() const override { return packed_bytes_; }
  std::string kernel() const override;
  Work work(const RunContext& context) const override;
  void run(const RunContext& context) const noexcept override;

 private:
  struct Group;
  Group make_group(const RunContext& context, std::int64_t item) const noexcept;
  void run_group(const RunContext& context, std::int64_t item) const noexcept;

  ProductPart recurrent_;  // empty once compiled
  std::int32_t sequences_;
  std::string label_;
  std::int64_t size_ = 0;                   // H
  std::shared_ptr<const Product> product_;  // null until compiled
  std::size_t packed_bytes_ = 0;
  const simd::Kernels* kernels_ = nullptr;  // null until compiled
};

/// One step of every row. Inputs: W_ih x + b_ih (rows, 3 H), W_hh h + b_hh (rows, 3 H), h (rows,
/// H). Output: h' (rows, H).
class GruGatesOp final : public Op {
 public:
  std::string_view name() const override { return "gru_gates"; }
  std::vector<ValueInfo> infer(std::span<const ValueInfo> in) const override;
  std::unique_ptr<Op> compile(const CompileContext& context) const override;
  Work work(const RunContext& context) const override;
  void run(const RunContext& context) const noexcept override;

 private:
  const simd::Kernels* kernels_ = nullptr;  // null until compiled
};

}  // namespace weft
