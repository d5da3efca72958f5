// The encoder-decoders whose checkpoints carry BART's names: Marian, BART, mBART. They differ in
// where LayerNorms stand and in how positions are embedded.
#pragma once

#include "runtime/models/seq2seq_blocks.h"

namespace weft {

/// Where a layer's LayerNorms stand: behind each residual, or before each sublayer, with one more
/// at the end of all layers.
enum class NormOrder : std::uint8_t { kAfter, kBefore };
enum class EmbeddingNorm : std::uint8_t { kNo, kYes };  // layernorm_embedding
/// Whether encoder and decoder embed ids by one table, or each by its own, of its own vocabulary.
enum class EmbeddingTables : std::uint8_t { kShared, kOwn };

struct BartForm {
  NormOrder norms = NormOrder::kAfter;
  EmbeddingNorm embedding_norm = EmbeddingNorm::kNo;
  EmbeddingTables tables = EmbeddingTables::kShared;
  /// The table of positions 0 .. rows - 1 of a side, "encoder" or "decoder".
  Weight (*positions)(const Weights& side, std::int64_t rows, std::int64_t cols) = nullptr;
};

Seq2SeqGraph build_bart_family(const Config& config, const Weights& checkpoint, LanguageHead head,
                               const BartForm& form);

}  // namespace weft
