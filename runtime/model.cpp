#include "weft/model.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <numeric>

#include "ops/embedding.h"
#include "ops/gemm/product.h"
#include "ops/isa.h"
#include "ops/linear.h"
#include "runtime/model_impl.h"
#include "weft/error.h"

namespace weft {
namespace {

bool usable(Isa isa) {
  return isa_available(isa) && make_compile_context(isa, GemmBackend::kNative).kernels != nullptr;
}

void require_isa(Isa isa, std::string_view where) {
  if (usable(isa)) return;
  throw Error(Reason::kUnsupported,
              fmt::format("{}: expected a level that this processor has, found "
                          "{}",
                          where, to_string(isa)));
}

/// A matrix of zeros owned by the model.
Tensor new_constant(Model::Impl& model, std::int64_t rows, std::int64_t cols) {
  const std::int64_t stride = row_stride(cols);
  model.buffers.emplace_back(static_cast<std::size_t>(rows * stride) * sizeof(float));
  model.packed_bytes += model.buffers.back().size();
  return {model.buffers.back().data(), rows, cols, stride, DType::kF32};
}

Tensor constant_of(const Model::Impl& model, std::int32_t value) {
  const Tensor& base = model.constants[model.base_of(value)];
  if (base.data == nullptr || model.values[value].kind != ValueNode::Kind::kView) return base;
  return base.col_block(model.values[value].first_col, model.values[value].info.cols);
}

/// Reduced precision pays only where there are many rows.
ComputeType dtype_of(const Model::Impl& model, const GraphNode& node) {
  const std::int32_t space = model.values[node.out[0]].info.rows;
  return model.spaces[space].kind == RowSpaceNode::Kind::kRagged ? model.dtype : ComputeType::kF32;
}

/// Runs a node whose inputs are all constants and keeps what it computes.
void fold(Model::Impl& model, const GraphNode& node) {
  std::vector<Tensor> in, out;
  std::vector<std::array<std::int32_t, 2>> offsets;
  for (std::int32_t id : node.in) {
    in.push_back(constant_of(model, id));
    offsets.push_back({0, static_cast<std::int32_t>(in.back().rows)});
  }
  const std::int32_t only_sequence = 0;
  std::vector<RowsView> in_rows;
  for (const auto& range : offsets) in_rows.push_back({range, {&only_sequence, 1}, range[1]});
  for (std::int32_t id : node.out) {
    const ValueInfo& info = model.values[id].info;
    const std::int64_t keys = info.per_key ? in_rows[1].longest : 1;
    out.push_back(new_constant(model, info.fixed_rows, info.cols * keys));
    model.constants[id] = out.back();
  }
  const std::int64_t rows = out[0].rows;
  std::int64_t longest = 0;
  for (const RowsView& view : in_rows) longest = std::max(longest, view.longest);
  const Limits limits{.block_rows = rows, .longest = longest, .threads = 1};
  Buffer scratch(node.op->scratch_bytes(limits));
  RunContext context;
  context.in = in;
  context.out = out;
  context.in_rows = in_rows;
  context.out_rows = in_rows[0];
  context.scratch = scratch.data();
  context.end = node.op->row_wise() ? out[0].cols : node.op->items(context);
  node.op->run(context);
}

bool is_constant(const Model::Impl& model, const GraphNode& node) {
  return std::all_of(node.in.begin(), node.in.end(),
                     [&](std::int32_t id) { return constant_of(model, id).data != nullptr; });
}

}  // namespace

std::vector<Isa> available_isas() {
  std::vector<Isa> result;
  for (Isa isa : kIsas) {
    if (usable(isa)) result.push_back(isa);
  }
  if (result.empty()) {
    throw Error(Reason::kUnsupported, "[isa] expected an x86-64-v2 processor, found an older one");
  }
  return result;
}

Isa default_isa() {
  const char* forced = std::getenv("WEFT_ISA");
  if (forced == nullptr || *forced == '\0') return available_isas().back();
  for (Isa isa : kIsas) {
    if (std::string_view(forced) == to_string(isa)) {
      require_isa(isa, "WEFT_ISA");
      return isa;
    }
  }
  std::vector<std::string_view> names;
  for (Isa isa : kIsas) names.emplace_back(to_string(isa));
  throw Error(Reason::kInvalidArgument, fmt::format("WEFT_ISA: expected one of {}, found \"{}\"",
                                                    fmt::join(names, ", "), forced));
}

bool dtype_available(ComputeType dtype, GemmBackend gemm) noexcept {
  return product_available(gemm, dtype);
}

std::shared_ptr<const Model> Model::compile(Graph graph, const CompileOptions& options) {
  auto impl = std::make_unique<Impl>();
  impl->isa = options.isa ? *options.isa : default_isa();
  require_isa(impl->isa, "[compile] isa");
  impl->gemm = options.gemm;
  impl->dtype = options.dtype;
  if (!dtype_available(impl->dtype, impl->gemm)) {
    throw Error(Reason::kUnsupported,
                fmt::format("[compile] dtype: {} is not supported with {} products",
                            to_string(impl->dtype), to_string(impl->gemm)));
  }
  Graph::Impl& recipe = graph.impl();
  impl->spaces = std::move(recipe.spaces);
  impl->values = std::move(recipe.values);
  impl->outputs = std::move(recipe.outputs);
  impl->constants.resize(impl->values.size());

  for (std::size_t id = 0; id < impl->values.size(); ++id) {
    ValueNode& value = impl->values[id];
    if (value.kind != ValueNode::Kind::kConstant) continue;
    impl->constants[id] = new_constant(*impl, value.info.fixed_rows, value.info.cols);
    for (std::int64_t row = 0; row < value.info.fixed_rows; ++row) {
      value.weight.read_f32(row, 1, impl->constants[id].f32(row));
    }
    value.weight = {};
  }
  ProductCache products;
  TableCache tables;
  for (GraphNode& node : recipe.nodes) {
    CompileContext context = make_compile_context(impl->isa, impl->gemm, dtype_of(*impl, node));
    context.products = &products;
    context.tables = &tables;
    GraphNode compiled{node.op->compile(context), std::move(node.in), std::move(node.out)};
    node.op.reset();
    if (is_constant(*impl, compiled)) {
      fold(*impl, compiled);
      continue;
    }
    impl->packed_bytes += compiled.op->packed_bytes();
    impl->nodes.push_back(std::move(compiled));
  }
  return std::shared_ptr<const Model>(new Model(std::move(impl)));
}

Model::Model(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Model::~Model() = default;

Isa Model::isa() const noexcept { return impl_->isa; }
GemmBackend Model::gemm() const noexcept { return impl_->gemm; }
ComputeType Model::dtype() const noexcept { return impl_->dtype; }
std::size_t Model::packed_bytes() const noexcept { return impl_->packed_bytes; }

std::vector<std::string> Model::kernels() const {
  std::vector<std::string> names;
  for (const GraphNode& node : impl_->nodes) {
    const std::string name = node.op->kernel();
    if (!name.empty() && std::find(names.begin(), names.end(), name) == names.end()) {
      names.push_back(name);
    }
  }
  return names;
}

std::vector<std::string> Model::outputs() const {
  std::vector<std::string> names;
  for (const auto& [name, value] : impl_->outputs) names.push_back(name);
  return names;
}

}  // namespace weft
