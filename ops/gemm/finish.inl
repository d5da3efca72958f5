// activation and residual of sums that lie in the L1 cache.
#pragma once

#include "ops/gemm/kernels.h"
#include "ops/simd/math.inl"
#include "ops/simd/vec.h"

namespace weft::gemm {
namespace {

template <Activation kActivation>
void finish_rows(const Finish& f) {
  using simd::kWidth;
  using simd::Vec;
  for (std::int64_t i = 0; i < f.rows; ++i) {
    float* c = f.c + i * f.c_stride;
    const float* residual = f.residual == nullptr ? nullptr : f.residual + i * f.residual_stride;
    std::int64_t j = 0;
    for (; j + kWidth <= f.cols; j += kWidth) {
      Vec y = simd::activate<kActivation>(simd::load(c + j));
      if (residual != nullptr) y = y + simd::load(residual + j);
      simd::store(c + j, y);
    }
    if (j < f.cols) {
      const std::int64_t n = f.cols - j;
      Vec y = simd::activate<kActivation>(simd::load_partial(c + j, n));
      if (residual != nullptr) y = y + simd::load_partial(residual + j, n);
      simd::store_partial(c + j, y, n);
    }
  }
}

void finish(const Finish& f) {
  switch (f.activation) {
    case Activation::kNone: return finish_rows<Activation::kNone>(f);
    case Activation::kGelu: return finish_rows<Activation::kGelu>(f);
    case Activation::kGeluTanh: return finish_rows<Activation::kGeluTanh>(f);
    case Activation::kRelu: return finish_rows<Activation::kRelu>(f);
    case Activation::kSilu: return finish_rows<Activation::kSilu>(f);
    case Activation::kTanh: return finish_rows<Activation::kTanh>(f);
    case Activation::kSigmoid: return finish_rows<Activation::kSigmoid>(f);
  }
}

}  // namespace
}  // namespace weft::gemm
