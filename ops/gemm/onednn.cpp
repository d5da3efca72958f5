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
    dense_.strides = dense();
    dnnl::post_ops post_ops;
    append_activation(post_ops, activation);
    attributes_.set_post_ops(post_ops);
    attributes_.set_scratchpad_mode(dnnl::scratchpad_mode::user);

    // The layout that many rows like best serves every number of rows.
    weights_desc_ = matrix(in_features_, out_features_, memory::format_tag::any);
    const auto description = describe(kMostRows, dense());
    weights_desc_ = description.weights_desc();
    kernel_ = description.impl_info_str();
    if (kernel_.find("ref") != std::string::npos) {
      throw Error(Reason::kUnsupported, "[linear] " + parts[0].weight.name() +
                                            ": oneDNN offers only its reference matmul (" +
                                            kernel_ + ")");
    }
    for (std::int64_t rows : {std::int64_t{1}, kRowStep, kExactRows, kMostRows}) {
      scratchpad_bytes_ = std::max(scratchpad_bytes_,
                                   line_up(describe(rows, dense()).scratchpad_desc().get_size()));
    }
    read_bias(parts, bias_values_.f32());
    bias_ = memory(bias_desc(), engine_, bias_values_.data());
    pack(parts);
    create(dense_, 1);
  }

  void run(const ProductCall& call) const noexcept override {
    const SerialOpenMp serial;
    const std::int64_t rows = call.a.rows;
    std::byte* scratchpad = call.scratch + copies_bytes(rows);
    const Strides strides{call.a.stride, call.c.stride};
    Family* family = strides == dense() ? &dense_ : strided_family(strides);
    Tensor a = call.a;
    Tensor c = call.c;
    if (family == nullptr) {
      family = &dense_;
      a = dense_copy(call);
      c = {call.scratch + line_up(bytes(rows, in_features_)), rows, out_features_, out_features_};
    }
    for (std::int64_t first = 0; first < rows;) {
      const std::int64_t wanted = piece_rows(rows - first);
      const Piece* piece = piece_of(*family, wanted);
      const std::int64_t count = piece != nullptr ? wanted : 1;
      if (piece == nullptr) piece = dense_.pieces[0].load(std::memory_order_acquire);
      execute(*piece, a.row_block(first, count), c.row_block(first, count), scratchpad);
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
  struct Strides {
    std::int64_t a, c;
    bool operator==(const Strides&) const = default;
  };

  struct Piece {
    dnnl::matmul multiply;
    memory::desc a, c, scratchpad;
  };

  // The pieces for one pair of strides. A session's strides do not change, so one pair beside the
  // dense one is kept, the first that is seen; matrices with others are copied.
  struct Family {
    Strides strides{};
    std::array<std::unique_ptr<const Piece>, kPieces> owned;
    std::array<std::atomic<const Piece*>, kPieces> pieces{};
  };

  Strides dense() const noexcept { return {in_features_, out_features_}; }

  static memory::desc matrix(std::int64_t rows, std::int64_t cols, memory::format_tag tag) {
    return memory::desc({rows, cols}, memory::data_type::f32, tag);
  }
  memory::desc bias_desc() const { return matrix(1, out_features_, memory::format_tag::ab); }

  dnnl::matmul::primitive_desc describe(std::int64_t rows, Strides strides) const {
    const auto f32 = memory::data_type::f32;
    const memory::desc a({rows, in_features_}, f32, memory::dims{strides.a, 1});
    const memory::desc c({rows, out_features_}, f32, memory::dims{strides.c, 1});
#if DNNL_VERSION_MAJOR >= 3
    return {engine_, a, weights_desc_, bias_desc(), c, attributes_};
#else
    return {dnnl::matmul::desc(a, weights_desc_, bias_desc(), c), attributes_, engine_};
#endif
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

  // Under mutex_, or in the constructor. Null if the piece would need more scratch than is planned.
  const Piece* create(Family& family, std::int64_t rows) const {
    const auto description = describe(rows, family.strides);
    if (description.scratchpad_desc().get_size() > scratchpad_bytes_) return nullptr;
    const auto index = static_cast<std::size_t>(piece_index(rows));
    family.owned[index] =
        std::make_unique<Piece>(Piece{dnnl::matmul(description), description.src_desc(),
                                      description.dst_desc(), description.scratchpad_desc()});
    family.pieces[index].store(family.owned[index].get(), std::memory_order_release);
    return family.owned[index].get();
  }

  // Null if oneDNN cannot make the primitive: those rows are computed one by one.
  const Piece* piece_of(Family& family, std::int64_t rows) const noexcept {
    const auto& slot = family.pieces[static_cast<std::size_t>(piece_index(rows))];
    if (const Piece* piece = slot.load(std::memory_order_acquire)) return piece;
    try {
      const std::lock_guard lock(mutex_);
      if (const Piece* piece = slot.load(std::memory_order_relaxed)) return piece;
      return create(family, rows);
    } catch (...) {
      return nullptr;
    }
  }

  // Null if other strides than these were seen first.
  Family* strided_family(Strides strides) const noexcept {
    Family* family = strided_.load(std::memory_order_acquire);
    if (family == nullptr) {
      try {
        const std::lock_guard lock(mutex_);
        family = strided_.load(std::memory_order_relaxed);
        if (family == nullptr) {
          strided_owner_ = std::make_unique<Family>();
          family = strided_owner_.get();
          family->strides = strides;
          strided_.store(family, std::memory_order_release);
        }
      } catch (...) {
        return nullptr;
      }
    }
    return family->strides == strides ? family : nullptr;
  }

  Tensor dense_copy(const ProductCall& call) const noexcept {
    const Tensor copy{call.scratch, call.a.rows, in_features_, in_features_};
    for (std::int64_t i = 0; i < copy.rows; ++i) {
      std::memcpy(copy.f32(i), call.a.f32(i), bytes(1, in_features_));
    }
    return copy;
  }

  // oneDNN's handles allocate a few hundred bytes; should that fail, the rows become NaN rather
  // than wrong numbers.
  void execute(const Piece& piece, const Tensor& a, const Tensor& c,
               std::byte* scratchpad) const noexcept {
    try {
      dnnl::stream stream(engine_);
      piece.multiply.execute(
          stream, {{DNNL_ARG_SRC, memory(piece.a, engine_, a.data)},
                   {DNNL_ARG_WEIGHTS, weights_},
                   {DNNL_ARG_BIAS, bias_},
                   {DNNL_ARG_DST, memory(piece.c, engine_, c.data)},
                   {DNNL_ARG_SCRATCHPAD, memory(piece.scratchpad, engine_, scratchpad)}});
      stream.wait();
    } catch (...) {
      for (std::int64_t i = 0; i < c.rows; ++i) {
        std::fill_n(c.f32(i), c.cols, std::numeric_limits<float>::quiet_NaN());
      }
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
  mutable std::mutex mutex_;  // guards what the families own, and strided_owner_
  mutable Family dense_;
  mutable std::unique_ptr<Family> strided_owner_;
  mutable std::atomic<Family*> strided_{nullptr};
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
