// ERNIE (Sun et al. 2019) as transformers' models/ernie/modeling_ernie.py computes it: BERT, since
// ERNIE 2.0 (Sun et al. 2020) with an embedding of the task that a text belongs to.
#include <vector>

#include "runtime/blocks.h"
#include "runtime/models/bert_blocks.h"
#include "runtime/models/encoder_config.h"

namespace weft {
namespace {

/// Each row of `table` plus the first of `added`.
Weight with_first_row(const Weight& table, const Weight& added) {
  const auto read = [](std::span<const Weight> parts, std::int64_t first, std::int64_t rows,
                       float* out) {
    const std::int64_t cols = parts[0].cols();
    std::vector<float> row(static_cast<std::size_t>(cols));
    parts[0].read_f32(first, rows, out);
    parts[1].read_f32(0, 1, row.data());
    for (std::int64_t i = 0; i < rows * cols; ++i)
      out[i] += row[static_cast<std::size_t>(i % cols)];
  };
  return computed_rows("with the first row", table.rows(), table.cols(), {table, added}, read);
}

/// BERT's three tables. transformers' task_type_ids are 0 unless given, and weft takes none: the
/// task's row is the same for every token, and part of the types' table.
Value embeddings(ModelGraph& model, const Config& config, const Weights& tables, float eps) {
  Graph& graph = model.graph;
  const std::int64_t hidden = model.hidden_size;
  Weight types = tables.get("token_type_embeddings.weight", {model.type_vocabulary_size, hidden});
  if (config.flag_or("use_task_id", false)) {
    const std::int64_t tasks = config.integer_or("task_type_vocab_size", 3, 1, kLargestSize);
    types = with_first_row(types, tables.get("task_type_embeddings.weight", {tasks, hidden}));
  }
  const Value sum =
      graph.embedding({{tables.get("word_embeddings.weight", {model.vocabulary_size, hidden}),
                        graph.input_ids("input_ids", model.tokens)},
                       {types, graph.input_ids("token_type_ids", model.tokens)},
                       {tables.get("position_embeddings.weight", {model.max_tokens, hidden}),
                        graph.input_ids("position_ids", model.tokens)}});
  return layer_norm(graph, tables.sub("LayerNorm"), sum, eps);
}

}  // namespace

ModelGraph build_ernie(const Config& config, const Weights& checkpoint) {
  refuse_unsupported(config);
  config.require("position_embedding_type", "absolute");
  ModelGraph model = new_token_model(config);
  model.bare_architectures = {"ErnieModel"};
  model.max_tokens = config.integer("max_position_embeddings", 1, kLargestSize);
  model.type_vocabulary_size = config.integer_or("type_vocab_size", 2, 1, kLargestSize);
  const float eps = read_epsilon(config, "layer_norm_eps", 1e-12);
  const Activation activation = read_activation(config, "hidden_act", "gelu");

  const Weights weights =
      without_prefix(checkpoint, {"ernie"}, "embeddings.word_embeddings.weight");
  const Value x = embeddings(model, config, weights.sub("embeddings"), eps);
  bert_layers(model, weights.sub("encoder"), x, activation, eps);
  bert_pooler(model, weights.sub("pooler.dense"));
  return model;
}

}  // namespace weft
