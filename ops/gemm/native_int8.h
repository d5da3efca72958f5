// Products in int8: weights as signed bytes with one scale per output channel, activations rounded
// as they come to unsigned bytes with a scale and a zero of each row, sums in exact integers,
// everything else in f32. Symmetric activations were refused: MiniLM's top-10 overlap with f32 was
// 94.6 % (a few channels of LayerNorm's output are large and of one sign), with a zero 96.1 %.
#pragma once

#include <memory>
#include <vector>

#include "ops/gemm/kernels_int8.h"
#include "ops/gemm/product.h"

namespace weft::gemm {

/// As make_product. A channel whose weights hold a NaN or an infinity, and a row of activations
/// that does, is NaN. Throws Error(kUnsupported) beyond 65536 in_features, where sums could leave
/// 32 bits.
std::unique_ptr<Product> make_native_int8_product(Isa isa, const std::vector<ProductPart>& parts,
                                                  Activation activation, PackStore* store);

/// The same by tiles, with the same bits as on the level avx512_vnni.
std::unique_ptr<Product> make_int8_tile_product(const Int8TileKernels& kernels,
                                                const std::vector<ProductPart>& parts,
                                                Activation activation, PackStore* store = nullptr);

}  // namespace weft::gemm
