// The one file that includes dnnl.hpp; it compiles with oneDNN 2 and 3.
#include "ops/gemm/onednn.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <dnnl.hpp>
#include <limits>
#include <mutex>
#include <new>
#include <string_view>

#include "ops/buffer.h"
#include "ops/gemm/parts.h"
#include "ops/parallel.h"
#include "ops/simd/kernels.h"
#include "weft/error.h"

namespace weft::gemm {
namespace {

using dnnl::memory;

// Any number of rows is cut into pieces of these sizes: 1 .. 64 exactly, beyond that multiples of
// 16 up to 512. That bounds the primitives of a product, and no piece reads beyond its rows.
constexpr std::int64_t kExactRows = 64;
constexpr std::int64_t kRowStep = 16;
constexpr std::int64_t kMostRows = 512;
constexpr std::int64_t kPieces = kExactRows + (kMostRows - kExactRows) / kRowStep;

std::int64_t piece_rows(std::int64_t rows) {
  return rows <= kExactRows ? rows : std::min(kMostRows, rows / kRowStep * kRowStep);
}

std::int64_t piece_index(std::int64_t rows) {
  return rows <= kExactRows ? rows - 1 : kExactRows + (rows - kExactRows) / kRowStep - 1;
}

constexpr std::size_t line_up(std::size_t bytes) { return (bytes + 63) / 64 * 64; }

void append_activation(dnnl::post_ops& ops, Activation activation) {
  const auto append = [&](dnnl::algorithm algorithm, float alpha) {
#if DNNL_VERSION_MAJOR >= 3
    ops.append_eltwise(algorithm, alpha, 0.0f);
#else
    ops.append_eltwise(1.0f, algorithm, alpha, 0.0f);
#endif
  };
  switch (activation) {
    case Activation::kNone: break;
    case Activation::kGelu: append(dnnl::algorithm::eltwise_gelu_erf, 0); break;
    case Activation::kGeluTanh: append(dnnl::algorithm::eltwise_gelu_tanh, 0); break;
    case Activation::kRelu: append(dnnl::algorithm::eltwise_relu, 0); break;
    case Activation::kSilu: append(dnnl::algorithm::eltwise_swish, 1); break;
    case Activation::kTanh: append(dnnl::algorithm::eltwise_tanh, 0); break;
    case Activation::kSigmoid: append(dnnl::algorithm::eltwise_logistic, 0); break;
  }
}

class OneDnnProduct final : public Product {
 public:
  OneDnnProduct(Isa isa, const std::vector<ProductPart>& parts, Activation activation)
      : row_kernels_(*simd::kernels(isa)),
        engine_(dnnl::engine::kind::cpu, 0),
        in_features_(parts[0].weight.cols()),
        out_features_(out_features_of(parts)),
        bias_values_(bytes_of(1, out_features_)) {
    const SerialOpenMp serial;
    dnnl::post_ops post_ops;
    append_activation(post_ops, activation);
    attributes_.set_post_ops(post_ops);
    attributes_.set_scratchpad_mode(dnnl::scratchpad_mode::user);

    // The layout that many rows like best serves every number of rows.
    weights_desc_ = matrix(in_features_, out_features_, memory::format_tag::any);
    const auto description = describe(kMostRows);
    weights_desc_ = description.weights_desc();
    kernel_ = description.impl_info_str();
    if (is_reference(description)) {
      throw Error(Reason::kUnsupported, "[linear] " + parts[0].weight.name() +
                                            ": oneDNN offers only its reference matmul (" +
                                            kernel_ + ")");
    }
    for (std::int64_t rows : {std::int64_t{1}, kRowStep, kExactRows, kMostRows}) {
      scratchpad_bytes_ =
          std::max(scratchpad_bytes_, line_up(describe(rows).scratchpad_desc().get_size()));
    }
    read_bias(parts, bias_values_.f32());
    bias_ = memory(bias_desc(), engine_, bias_values_.data());
    pack(parts);
    pieces_[0].store(create(1), std::memory_order_release);
  }

  void run(const ProductCall& call) const noexcept override {
    const SerialOpenMp serial;
    const std::int64_t rows = call.a.rows;
    std::byte* scratchpad = call.scratch + copies_bytes(rows);
    const Tensor a = contiguous_a(call);
    Tensor c = call.c;
    if (c.stride != out_features_) {
      c = {call.scratch + line_up(bytes(rows, in_features_)), rows, out_features_, out_features_};
    }
    for (std::int64_t first = 0; first < rows;) {
      const std::int64_t wanted = piece_rows(rows - first);
      const Piece* piece = piece_of(wanted);
      const std::int64_t count = piece != nullptr ? wanted : 1;
      if (piece == nullptr) piece = pieces_[0].load(std::memory_order_acquire);
      execute(*piece, a.f32(first), c.f32(first), count, scratchpad);
      first += count;
    }
    for (std::int64_t i = 0; i < rows; ++i) {
      float* row = call.c.f32(i);
      if (c.data != call.c.data) std::memcpy(row, c.f32(i), bytes(1, out_features_));
      if (call.residual.data != nullptr) {
        row_kernels_.add(row, call.residual.f32(i), row, out_features_);
      }
    }
  }

  std::int64_t in_features() const noexcept override { return in_features_; }
  std::int64_t out_features() const noexcept override { return out_features_; }
  std::int64_t column_grain() const noexcept override { return 0; }
  std::size_t scratch_bytes(std::int64_t rows) const noexcept override {
    return copies_bytes(rows) + scratchpad_bytes_;
  }
  std::size_t packed_bytes() const noexcept override {
    return packed_.size() + bias_values_.size();
  }
  std::string kernel() const override { return "onednn " + kernel_; }

 private:
  struct Piece {
    dnnl::matmul multiply;
    memory::desc a, c, scratchpad;
  };

  static memory::desc matrix(std::int64_t rows, std::int64_t cols, memory::format_tag tag) {
    return memory::desc({rows, cols}, memory::data_type::f32, tag);
  }
  memory::desc bias_desc() const { return matrix(1, out_features_, memory::format_tag::ab); }

  dnnl::matmul::primitive_desc describe(std::int64_t rows) const {
    const memory::desc a = matrix(rows, in_features_, memory::format_tag::ab);
    const memory::desc c = matrix(rows, out_features_, memory::format_tag::ab);
#if DNNL_VERSION_MAJOR >= 3
    return {engine_, a, weights_desc_, bias_desc(), c, attributes_};
#else
    return {dnnl::matmul::desc(a, weights_desc_, bias_desc(), c), attributes_, engine_};
#endif
  }

  // A thousand times slower than the others.
  static bool is_reference(const dnnl::matmul::primitive_desc& description) {
    return std::string_view(description.impl_info_str()).find("ref") != std::string_view::npos;
  }

  static std::size_t bytes(std::int64_t rows, std::int64_t cols) {
    return static_cast<std::size_t>(rows * cols) * sizeof(float);
  }
  std::size_t copies_bytes(std::int64_t rows) const noexcept {
    return line_up(bytes(rows, in_features_)) + line_up(bytes(rows, out_features_));
  }

  // oneDNN transposes and blocks a whole matrix, so this product's weights exist twice for a while.
  void pack(const std::vector<ProductPart>& parts) {
    Buffer rows(bytes_of(out_features_, in_features_));
    PartReader(parts).read_rows(out_features_, rows.f32());
    packed_ = Buffer(weights_desc_.get_size());
    weights_ = memory(weights_desc_, engine_, packed_.data());
    memory plain(matrix(in_features_, out_features_, memory::format_tag::ba), engine_, rows.data());
    dnnl::stream stream(engine_);
    dnnl::reorder(plain, weights_).execute(stream, plain, weights_);
    stream.wait();
  }

  // Under mutex_, or in the constructor. The piece is owned by owned_.
  const Piece* create(std::int64_t rows) const {
    const auto description = describe(rows);
    if (is_reference(description)) return nullptr;
    if (description.scratchpad_desc().get_size() > scratchpad_bytes_) return nullptr;
    auto piece =
        std::make_unique<Piece>(Piece{dnnl::matmul(description), description.src_desc(),
                                      description.dst_desc(), description.scratchpad_desc()});
    auto& owner = owned_[static_cast<std::size_t>(piece_index(rows))];
    owner = std::move(piece);
    return owner.get();
  }

  // Null if oneDNN cannot make a fast primitive: those rows are computed one by one.
  const Piece* piece_of(std::int64_t rows) const noexcept {
    auto& slot = pieces_[static_cast<std::size_t>(piece_index(rows))];
    if (const Piece* piece = slot.load(std::memory_order_acquire)) return piece;
    try {
      const std::lock_guard lock(mutex_);
      if (slot.load(std::memory_order_relaxed) == nullptr) {
        slot.store(create(rows), std::memory_order_release);
      }
      return slot.load(std::memory_order_relaxed);
    } catch (...) {
      return nullptr;
    }
  }

  // oneDNN 2.6.3 has only its reference matmul for rows that do not lie back to back.
  Tensor contiguous_a(const ProductCall& call) const noexcept {
    if (call.a.stride == in_features_) return call.a;
    const Tensor copy{call.scratch, call.a.rows, in_features_, in_features_};
    for (std::int64_t i = 0; i < copy.rows; ++i) {
      std::memcpy(copy.f32(i), call.a.f32(i), bytes(1, in_features_));
    }
    return copy;
  }

  // oneDNN's handles allocate a few hundred bytes; should that fail, the rows become NaN rather
  // than wrong numbers.
  void execute(const Piece& piece, float* a, float* c, std::int64_t rows,
               std::byte* scratchpad) const noexcept {
    try {
      dnnl::stream stream(engine_);
      piece.multiply.execute(
          stream, {{DNNL_ARG_SRC, memory(piece.a, engine_, a)},
                   {DNNL_ARG_WEIGHTS, weights_},
                   {DNNL_ARG_BIAS, bias_},
                   {DNNL_ARG_DST, memory(piece.c, engine_, c)},
                   {DNNL_ARG_SCRATCHPAD, memory(piece.scratchpad, engine_, scratchpad)}});
      stream.wait();
    } catch (...) {
      std::fill_n(c, rows * out_features_, std::numeric_limits<float>::quiet_NaN());
    }
  }

  const simd::Kernels& row_kernels_;
  dnnl::engine engine_;
  dnnl::primitive_attr attributes_;
  std::int64_t in_features_;
  std::int64_t out_features_;
  std::string kernel_;
  memory::desc weights_desc_;
  std::size_t scratchpad_bytes_ = 0;
  Buffer packed_;
  Buffer bias_values_;
  memory weights_, bias_;
  mutable std::mutex mutex_;  // guards owned_
  mutable std::array<std::unique_ptr<const Piece>, kPieces> owned_;
  mutable std::array<std::atomic<const Piece*>, kPieces> pieces_{};
};

}  // namespace

std::unique_ptr<Product> make_onednn_product(Isa isa, const std::vector<ProductPart>& parts,
                                             Activation activation) {
  try {
    return std::make_unique<OneDnnProduct>(isa, parts, activation);
  } catch (const dnnl::error& error) {
    throw Error(
        error.status == dnnl_out_of_memory ? Reason::kResourceExhausted : Reason::kUnsupported,
        "[linear] " + parts[0].weight.name() + ": oneDNN: " + error.what());
  }
}

}  // namespace weft::gemm
