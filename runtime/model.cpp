#include "weft/model.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <numeric>
#include <utility>

#include "ops/buffer.h"
#include "ops/embedding.h"
#include "ops/gemm/product.h"
#include "ops/isa.h"
#include "ops/linear.h"
#include "ops/op.h"
#include "runtime/model_impl.h"
#include "runtime/packed_cache.h"
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

/// F32 matrices in one piece of packed memory.
class Matrices {
 public:
  void add(std::int64_t rows, std::int64_t cols) {
    const std::int64_t stride = row_stride(cols);
    begins_.push_back(layout_.add(static_cast<std::size_t>(rows * stride) * sizeof(float)));
    shapes_.push_back({nullptr, rows, cols, stride, DType::kF32});
  }
  std::size_t bytes() const { return layout_.size(); }
  std::vector<Tensor> at(std::byte* memory) const {
    std::vector<Tensor> result = shapes_;
    for (std::size_t i = 0; i < result.size(); ++i) result[i].data = memory + begins_[i];
    return result;
  }

 private:
  PackLayout layout_;
  std::vector<std::size_t> begins_;
  std::vector<Tensor> shapes_;
};

/// The matrices, whose memory the model owns. They are only ever read; Tensor has no const form.
std::vector<Tensor> keep(Model::Impl& model, const Matrices& matrices, Packed memory) {
  model.packed_bytes += memory.size();
  model.memory.push_back(std::move(memory));
  return matrices.at(const_cast<std::byte*>(model.memory.back().data()));
}

Tensor read_constant(Model::Impl& model, const ValueNode& value, PackStore* store) {
  Matrices matrix;
  matrix.add(value.info.fixed_rows, value.info.cols);
  Packed memory = get_packed(store, matrix.bytes(), [&](std::byte* out) {
    const Tensor tensor = matrix.at(out)[0];
    for (std::int64_t row = 0; row < tensor.rows; ++row) {
      value.weight.read_f32(row, 1, tensor.f32(row));
    }
  });
  return keep(model, matrix, std::move(memory))[0];
}

Tensor constant_of(const Model::Impl& model, std::int32_t value) {
  const Tensor& base = model.constants[model.base_of(value)];
  if (base.data == nullptr || model.values[value].kind != ValueNode::Kind::kView) return base;
  return base.col_block(model.values[value].first_col, model.values[value].info.cols);
}

/// Runs a node whose inputs are all constants.
void run_on_constants(const Op& op, std::span<const Tensor> in, std::span<const Tensor> out,
                      std::span<const RowsView> in_rows) {
  const std::int64_t rows = out[0].rows;
  std::int64_t longest = 0;
  for (const RowsView& view : in_rows) longest = std::max(longest, view.longest);
  const Limits limits{.block_rows = rows, .longest = longest, .threads = 1};
  Buffer scratch(op.scratch_bytes(limits));
  RunContext context;
  context.in = in;
  context.out = out;
  context.in_rows = in_rows;
  context.out_rows = in_rows[0];
  context.scratch = scratch.data();
  context.end = op.row_wise() ? out[0].cols : op.items(context);
  op.run(context);
}

/// Computes a node whose inputs are all constants, or takes what it would compute from the store.
void fold(Model::Impl& model, const GraphNode& node, const CompileContext& context,
          PackStore* store) {
  std::vector<Tensor> in;
  std::vector<std::array<std::int32_t, 2>> offsets;
  for (std::int32_t id : node.in) {
    in.push_back(constant_of(model, id));
    offsets.push_back({0, static_cast<std::int32_t>(in.back().rows)});
  }
  const std::int32_t only_sequence = 0;
  std::vector<RowsView> in_rows;
  for (const auto& range : offsets) in_rows.push_back({range, {&only_sequence, 1}, range[1]});
  Matrices out;
  for (std::int32_t id : node.out) {
    const ValueInfo& info = model.values[id].info;
    out.add(info.fixed_rows, info.cols * (info.per_key ? in_rows[1].longest : 1));
  }
  Packed memory = get_packed(store, out.bytes(), [&](std::byte* bytes) {
    run_on_constants(*node.op->compile(context), in, out.at(bytes), in_rows);
  });
  const std::vector<Tensor> results = keep(model, out, std::move(memory));
  for (std::size_t i = 0; i < results.size(); ++i) model.constants[node.out[i]] = results[i];
}

CacheReport report_of(std::optional<PackedCache>& cache, const CompileOptions& options) {
  if (cache) return cache->finish();
  CacheReport report;
  if (!options.cache_directory.empty()) {
    report.state = CacheState::kNotWritten;
    report.notes.emplace_back("the packed cache holds native products only: not used with onednn");
  }
  return report;
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

bool attention_dtype_available(ComputeType attention, ComputeType dtype, Isa isa) noexcept {
  return attention_available(isa, dtype, attention);
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
  impl->attention_dtype = options.attention_dtype;
  if (!attention_dtype_available(impl->attention_dtype, impl->dtype, impl->isa)) {
    throw Error(Reason::kUnsupported,
                fmt::format("[compile] attention_dtype: {} is not supported with products in {} "
                            "on {}, expected f32",
                            to_string(impl->attention_dtype), to_string(impl->dtype),
                            to_string(impl->isa)));
  }
  Graph::Impl& recipe = graph.impl();
  impl->spaces = std::move(recipe.spaces);
  impl->values = std::move(recipe.values);
  impl->outputs = std::move(recipe.outputs);
  impl->constants.resize(impl->values.size());

  PackKeys keys;
  std::optional<PackedCache> cache;
  if (!options.cache_directory.empty() && impl->gemm == GemmBackend::kNative) {
    keys = find_pack_keys(*impl, recipe.nodes);
    cache.emplace(options, keys, *impl);
  }
  for (std::size_t id = 0; id < impl->values.size(); ++id) {
    ValueNode& value = impl->values[id];
    if (value.kind != ValueNode::Kind::kConstant) continue;
    impl->constants[id] =
        read_constant(*impl, value, cache ? cache->part(keys.values[id]) : nullptr);
    value.weight = {};
  }
  ProductCache products;
  TableCache tables;
  for (std::size_t i = 0; i < recipe.nodes.size(); ++i) {
    GraphNode& node = recipe.nodes[i];
    PackStore* store = cache ? cache->part(keys.nodes[i]) : nullptr;
    CompileContext context = make_compile_context(impl->isa, impl->gemm, impl->dtype_of(node),
                                                  impl->attention_dtype_of(node));
    if (is_constant(*impl, node)) {
      fold(*impl, node, context, store);
      node.op.reset();
      continue;
    }
    context.products = &products;
    context.tables = &tables;
    context.store = store;
    GraphNode compiled{node.op->compile(context), std::move(node.in), std::move(node.out)};
    node.op.reset();
    impl->packed_bytes += compiled.op->packed_bytes();
    impl->nodes.push_back(std::move(compiled));
  }
  impl->cache = report_of(cache, options);
  return std::shared_ptr<const Model>(new Model(std::move(impl)));
}

Model::Model(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Model::~Model() = default;

Isa Model::isa() const noexcept { return impl_->isa; }
GemmBackend Model::gemm() const noexcept { return impl_->gemm; }
ComputeType Model::dtype() const noexcept { return impl_->dtype; }
ComputeType Model::attention_dtype() const noexcept { return impl_->attention_dtype; }
std::size_t Model::packed_bytes() const noexcept { return impl_->packed_bytes; }
const CacheReport& Model::cache() const noexcept { return impl_->cache; }

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
