// BART (Lewis et al. 2020) and mBART (Liu et al. 2020), as transformers'
// models/bart/modeling_bart.py and models/mbart/modeling_mbart.py compute them: learned positions,
// a LayerNorm behind the embeddings; BART's layers are post-norm, mBART's pre-norm with a LayerNorm
// at the end.
#include "runtime/models/bart_family.h"

namespace weft {
namespace {

// Position p lies in row p + 2, a habit of fairseq.
constexpr std::int64_t kPositionOffset = 2;

Weight positions(const Weights& side, std::int64_t rows, std::int64_t cols) {
  return rows_of(side.get("embed_positions.weight", {rows + kPositionOffset, cols}),
                 kPositionOffset, rows);
}

}  // namespace

Seq2SeqGraph build_bart(const Config& config, const Weights& weights, LanguageHead head) {
  return build_bart_family(
      config, weights, head,
      {.norms = NormOrder::kAfter, .embedding_norm = EmbeddingNorm::kYes, .positions = positions});
}

Seq2SeqGraph build_mbart(const Config& config, const Weights& weights, LanguageHead head) {
  return build_bart_family(
      config, weights, head,
      {.norms = NormOrder::kBefore, .embedding_norm = EmbeddingNorm::kYes, .positions = positions});
}

}  // namespace weft
