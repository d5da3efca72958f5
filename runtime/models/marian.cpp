// Marian (Junczys-Dowmunt et al. 2018), as transformers' models/marian/modeling_marian.py computes
// it: the post-norm Transformer of Vaswani et al. 2017 with sinusoidal positions.
#include <cmath>
#include <optional>

#include "runtime/checksum.h"
#include "runtime/models/bart_family.h"

namespace weft {
namespace {

class SinusoidSource : public WeightSource {
 public:
  explicit SinusoidSource(std::int64_t cols) : cols_(cols) {}
  void read(std::int64_t first, std::int64_t count, void* out) const override {
    const std::int64_t sines = (cols_ + 1) / 2;
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t position = (first + i) / cols_, column = (first + i) % cols_;
      const std::int64_t pair = column < sines ? column : column - sines;
      const double angle =
          static_cast<double>(position) /
          std::pow(10000.0, 2 * static_cast<double>(pair) / static_cast<double>(cols_));
      static_cast<float*>(out)[i] =
          static_cast<float>(column < sines ? std::sin(angle) : std::cos(angle));
    }
  }
  std::optional<std::uint64_t> fingerprint() const override {
    return Checksum().add("sinusoids").add(static_cast<std::uint64_t>(cols_)).value();
  }

 private:
  std::int64_t cols_;
};

// All sines, then all cosines (not interleaved). Older checkpoints hold the table.
Weight positions(const Weights& weights, std::int64_t rows, std::int64_t cols) {
  const char* name = "embed_positions.weight";
  if (weights.has(name)) return weights.get(name, {rows, cols});
  return {
      weights.prefix() + name, {rows, cols}, DType::kF32, std::make_shared<SinusoidSource>(cols)};
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
