#include "runtime/models/seq2seq_blocks.h"

#include <fmt/format.h>

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "runtime/checksum.h"

namespace weft {
namespace {

class RowsSource : public WeightSource {
 public:
  RowsSource(Weight weight, std::int64_t first) : weight_(std::move(weight)), first_(first) {}
  void read(std::int64_t first, std::int64_t count, void* out) const override {
    weight_.read_raw(first_ + first / weight_.cols(), count / weight_.cols(), out);
  }
  std::optional<std::uint64_t> fingerprint() const override {
    const auto content = weight_.fingerprint();
    if (!content) return std::nullopt;
    return Checksum()
        .add("rows from")
        .add(*content)
        .add(static_cast<std::uint64_t>(first_))
        .value();
  }
  void add_origins(std::vector<std::shared_ptr<const WeightOrigin>>& out) const override {
    weight_.add_origins(out);
  }

 private:
  Weight weight_;
  std::int64_t first_;
};

}  // namespace

Weight first_of(const Weights& weights, std::initializer_list<std::string_view> names,
                std::int64_t rows, std::int64_t cols) {
  Weight first;
  for (std::string_view name : names) {
    if (!weights.has(name)) continue;
    const Weight found = weights.get(name, {rows, cols});
    if (!first) first = found;
  }
  return first ? first : weights.get(*names.begin(), {rows, cols});  // throws, naming it
}

Weight output_weight(const Config& config, const Weights& checkpoint, std::string_view own,
                     const Weight& table) {
  const bool tied = config.flag_or("tie_word_embeddings", true);
  if (tied && !checkpoint.has(own)) return table;
  return checkpoint.get(own, {table.rows(), table.cols()});
}

Weight scaled(const Weight& weight, float factor) {
  if (factor == 1.0f) return weight;
  const auto read = [factor](std::span<const Weight> parts, std::int64_t first, std::int64_t rows,
                             float* out) {
    parts[0].read_f32(first, rows, out);
    for (std::int64_t i = 0; i < rows * parts[0].cols(); ++i) out[i] *= factor;
  };
  return computed_rows(fmt::format("scaled by {}", factor), weight.rows(), weight.cols(), {weight},
                       read)
      .reshaped(weight.shape());
}

Weight rows_of(const Weight& matrix, std::int64_t first, std::int64_t count) {
  return {matrix.name(),
          {count, matrix.cols()},
          matrix.dtype(),
          std::make_shared<RowsSource>(matrix, first)};
}

void add_source_keys_values(
    Seq2SeqGraph& model,
    const std::function<std::array<Projection, 2>(std::int64_t layer)>& of_layer) {
  std::vector<Projection> projections;
  for (std::int64_t i = 0; i < model.decoder_layers; ++i) {
    for (Projection& projection : of_layer(i)) projections.push_back(std::move(projection));
  }
  model.source_keys_values =
      model.encoder.graph.linear(model.encoder.last_hidden_state, projections);
}

void add_decoder(Seq2SeqGraph& model, const std::function<void(DecoderPass& pass)>& layers,
                 const std::function<Value(Value hidden)>& head) {
  Graph& graph = model.encoder.graph;
  model.targets = DecoderPass::of_targets(graph, model.source_keys_values);
  layers(model.targets);
  if (!head) return;
  model.step = DecoderPass::of_step(graph, graph.ragged_rows("sources"),
                                    graph.cols(model.source_keys_values));
  layers(model.step);
  model.step_logits = head(model.step.last_hidden_state);
  model.head_rows = graph.ragged_rows(kHeadRows);
  model.head_logits =
      head(graph.input(kHeadRows, model.head_rows, graph.cols(model.targets.last_hidden_state)));
}

}  // namespace weft
