// Sources and given targets in, everything between out: what `weft run` does with an
// encoder-decoder.
#include <algorithm>
#include <cstring>

#include "runtime/generation/encoder_decoder_impl.h"
#include "runtime/generation/target_batch.h"

namespace weft {
namespace {

/// Softmax weights that forward() keeps at a time, over all layers, and logits, in bytes.
constexpr std::int64_t kAttentionBudget = std::int64_t{256} << 20;
constexpr std::int64_t kLogitsBudget = std::int64_t{64} << 20;

class Forward {
 public:
  Forward(const EncoderDecoder::Impl& model, const NamedArrays& inputs,
          const ForwardOptions& options)
      : model_(model),
        options_(options),
        sources_(read_batch(source_arrays(inputs), model.source_limits)),
        targets_(read_targets(inputs, model.target_limits, sources_.sequences())) {}

  NamedArrays run() {
    add_outputs();
    const std::int64_t sequences = sources_.sequences();
    if (sequences == 0) return std::move(out_);
    const ThreadLease threads(*model_.budget, model_.limits.threads);
    std::vector<std::string> names;
    for (const auto& [name, array] : out_) {
      if (name != "logits") names.push_back(name);
    }
    const std::int64_t most = most_rows();
    const std::int64_t source_rows = fitting(sources_, most), target_rows = fitting(targets_, most);
    SessionLimits limits{.threads = threads.threads()};
    limits.spaces = {{model_.sources, source_rows, sequences, sources_.longest()},
                     {model_.targets, target_rows, sequences, targets_.longest()}};
    Session session(model_.model, limits, names);
    for (std::int64_t first = 0, last = 0; first < sequences; first = last) {
      while (last < sequences &&
             sources_.offsets[last + 1] - sources_.offsets[first] <= source_rows &&
             targets_.offsets[last + 1] - targets_.offsets[first] <= target_rows) {
        ++last;
      }
      run_part(session, first, last);
      if (model_.has_head) add_logits(session, first, last, threads.threads());
    }
    return std::move(out_);
  }

 private:
  void add_outputs() {
    const EncoderDecoderInfo& info = model_.info;
    out_["encoder_last_hidden_state"] = sources_.new_token_rows(info.hidden_size);
    out_["last_hidden_state"] = targets_.new_token_rows(info.hidden_size);
    if (model_.has_head) out_["logits"] = targets_.new_token_rows(info.target_vocabulary);
    if (options_.hidden_states == HiddenStates::kAll) {
      for (std::int64_t i = 0; i <= info.encoder_layers; ++i) {
        out_[fmt::format("encoder_hidden_states.{}", i)] =
            sources_.new_token_rows(info.hidden_size);
      }
      for (std::int64_t i = 0; i <= info.decoder_layers; ++i) {
        out_[fmt::format("decoder_hidden_states.{}", i)] =
            targets_.new_token_rows(info.hidden_size);
      }
    }
    if (options_.attentions == AttentionOutput::kNone) return;
    for (std::int64_t i = 0; i < info.encoder_layers; ++i) {
      out_[fmt::format("encoder_attentions.{}", i)] = sources_.new_attentions(info.encoder_heads);
    }
    for (std::int64_t i = 0; i < info.decoder_layers; ++i) {
      out_[fmt::format("decoder_attentions.{}", i)] = targets_.new_attentions(info.decoder_heads);
      const std::int64_t columns =
          sources_.padded_columns < 0 ? sources_.longest() : sources_.padded_columns;
      out_[fmt::format("cross_attentions.{}", i)] =
          Array(DType::kF32,
                {sources_.sequences(), info.decoder_heads, targets_.padded_columns, columns});
    }
  }

  // Of a chunk, on either side, if no sequence is longer.
  std::int64_t most_rows() const {
    if (options_.attentions == AttentionOutput::kNone) return model_.limits.tokens;
    const EncoderDecoderInfo& info = model_.info;
    const std::int64_t bytes_per_key = 4 * (info.encoder_heads * info.encoder_layers +
                                            2 * info.decoder_heads * info.decoder_layers);
    return std::min(
        model_.limits.tokens,
        kAttentionBudget / (bytes_per_key * std::max(sources_.longest(), targets_.longest())));
  }

  static std::int64_t fitting(const TokenBatch& batch, std::int64_t most) {
    return std::min<std::int64_t>(batch.tokens(), std::max(most, batch.longest()));
  }

  struct Part {
    std::vector<std::int32_t> offsets;
    std::size_t begin = 0, count = 0;
    std::span<const std::int32_t> of(const std::vector<std::int32_t>& values) const {
      if (values.empty()) return {};
      return std::span<const std::int32_t>(values).subspan(begin, count);
    }
    std::span<const float> of(const std::vector<float>& values, std::int64_t cols) const {
      const auto c = static_cast<std::size_t>(cols);
      return std::span<const float>(values).subspan(begin * c, count * c);
    }
  };

  static Part part_of(const TokenBatch& batch, std::int64_t first, std::int64_t last) {
    Part part{{batch.offsets.begin() + first, batch.offsets.begin() + last + 1}};
    part.begin = static_cast<std::size_t>(part.offsets.front());
    part.count = static_cast<std::size_t>(part.offsets.back()) - part.begin;
    for (std::int32_t& offset : part.offsets) offset -= static_cast<std::int32_t>(part.begin);
    return part;
  }

  void run_part(Session& session, std::int64_t first, std::int64_t last) {
    const Part source = part_of(sources_, first, last), target = part_of(targets_, first, last);
    const RaggedRows rows[]{{model_.sources, source.offsets}, {model_.targets, target.offsets}};
    const Input inputs[]{{"input_ids", source.of(sources_.ids)},
                         {"position_ids", source.of(sources_.position_ids)},
                         {kFeatureInput, source.of(sources_.features, sources_.feature_columns)},
                         {kTargetIds, target.of(targets_.ids)},
                         {kTargetPositions, target.of(targets_.position_ids)},
                         {kTargetFeatures, target.of(targets_.features, targets_.feature_columns)}};
    session.run(rows, inputs, options_.stop);
    for (auto& [name, array] : out_) {
      if (name == "logits") continue;
      const Tensor result = session.output(name);
      if (name.starts_with("cross_attentions.")) {
        scatter_cross(result, first, last, array);
        continue;
      }
      const TokenBatch& batch = name.starts_with("encoder_") ? sources_ : targets_;
      if (name.find("_attentions.") != std::string::npos) {
        batch.scatter_attentions(result, array.shape[1], first, last, array);
      } else {
        batch.scatter_rows(result, first, last, array);
      }
    }
  }

  void scatter_cross(const Tensor& part, std::int64_t first, std::int64_t last, Array& out) const {
    const std::int64_t heads = out.shape[1], rows = out.shape[2], columns = out.shape[3];
    const std::int64_t part_keys = part.cols / heads;
    float* values = out.values<float>().data();
    for (std::int64_t s = first; s < last; ++s) {
      const std::int64_t column = sources_.padded_columns < 0 ? 0 : sources_.first_column[s];
      for (std::int64_t h = 0; h < heads; ++h) {
        for (std::int64_t t = 0; t < targets_.length(s); ++t) {
          const std::int64_t row = targets_.first_column[s] + t;
          std::memcpy(values + ((s * heads + h) * rows + row) * columns + column,
                      part.f32(targets_.offsets[s] - targets_.offsets[first] + t) + h * part_keys,
                      static_cast<std::size_t>(sources_.length(s)) * sizeof(float));
        }
      }
    }
  }

  // The head over rows of last_hidden_state, some at a time: all are as wide as the vocabulary.
  void add_logits(const Session& session, std::int64_t first, std::int64_t last, int threads) {
    const Tensor hidden = session.output("last_hidden_state");
    const std::int64_t vocabulary = model_.info.target_vocabulary;
    const std::int64_t most = std::clamp<std::int64_t>(kLogitsBudget / (4 * vocabulary), 1, 768);
    SessionLimits limits{.threads = threads};
    limits.spaces = {{model_.head_rows, std::min(most, hidden.rows)}};
    Session head(model_.model, limits, {kHeadLogits});
    std::vector<std::int64_t> places;
    for (std::int64_t s = first; s < last; ++s) {
      for (std::int64_t t = 0; t < targets_.length(s); ++t) places.push_back(targets_.row(s, t));
    }
    std::vector<float> rows;
    for (std::int64_t begin = 0; begin < hidden.rows; begin += most) {
      const std::int64_t count = std::min(most, hidden.rows - begin);
      rows.clear();
      for (std::int64_t i = begin; i < begin + count; ++i) {
        rows.insert(rows.end(), hidden.f32(i), hidden.f32(i) + hidden.cols);
      }
      const std::int32_t offsets[]{0, static_cast<std::int32_t>(count)};
      const RaggedRows ragged{model_.head_rows, offsets};
      const Input input{kHeadRows, std::span<const float>(rows)};
      head.run({&ragged, 1}, {&input, 1}, options_.stop);
      const Tensor logits = head.output(kHeadLogits);
      for (std::int64_t i = 0; i < count; ++i) {
        std::copy_n(logits.f32(i), vocabulary,
                    out_["logits"].values<float>().data() + places[begin + i] * vocabulary);
      }
    }
  }

  const EncoderDecoder::Impl& model_;
  const ForwardOptions& options_;
  TokenBatch sources_, targets_;
  NamedArrays out_;
};

}  // namespace

NamedArrays EncoderDecoder::forward(const NamedArrays& inputs,
                                    const ForwardOptions& options) const {
  if (impl_->recurrent != nullptr) return impl_->recurrent->forward(inputs, options);
  return Forward(*impl_, inputs, options).run();
}

}  // namespace weft
