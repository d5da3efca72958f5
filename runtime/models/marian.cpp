// Marian (Junczys-Dowmunt et al. 2018), as transformers' models/marian/modeling_marian.py computes
// it: the post-norm Transformer of Vaswani et al. 2017 with sinusoidal positions.
#include "runtime/models/bart_family.h"
#include "weft/positions.h"

namespace weft {
namespace {

// All sines, then all cosines (not interleaved). Older checkpoints hold the table.
Weight positions(const Weights& weights, std::int64_t rows, std::int64_t cols) {
  const char* name = "embed_positions.weight";
  if (weights.has(name)) return weights.get(name, {rows, cols});
  return sinusoid_table(rows, cols, SinusoidOrder::kHalves);
}

}  // namespace

Seq2SeqGraph build_marian(const Config& config, const Weights& weights, LanguageHead head) {
  return build_bart_family(
      config, weights, head,
      {.norms = NormOrder::kAfter,
       .embedding_norm = EmbeddingNorm::kNo,
       .tables = config.flag_or("share_encoder_decoder_embeddings", true) ? EmbeddingTables::kShared
                                                                          : EmbeddingTables::kOwn,
       .positions = positions});
}

}  // namespace weft
