// Multi-head self-attention alone, over given vectors: a module's state dict and a config.json.
//   {"model_type": "multi_head_self_attention", "hidden_size": 64, "num_heads": 4, "bias": true}
//     query, key, value, fc (each .weight, .bias): fc(heads of softmax(q k^T / sqrt(head size)) v)
//   {"model_type": "torch.nn.MultiheadAttention", "embed_dim": 64, "num_heads": 4, "bias": true}
//     in_proj_weight, in_proj_bias, out_proj: PyTorch's module with query = key = value
#include "runtime/blocks.h"
#include "runtime/models/encoder_config.h"
#include "runtime/models/torch_blocks.h"

namespace weft {
namespace {

ModelGraph new_module(const Config& config, std::string_view hidden_size) {
  refuse_unsupported(config);
  ModelGraph model = new_model(
      config,
      {.hidden_size = hidden_size, .layers = {}, .heads = "num_heads", .intermediate_size = {}});
  model.input = InputKind::kVectors;
  model.max_tokens = kLongestWithoutPositions;
  return model;
}

void finish(ModelGraph& model, Value x, const AttentionValues& seen, Value y) {
  model.hidden_states = {x, y};
  model.attentions = {seen.weights};
  model.last_hidden_state = y;
}

}  // namespace

ModelGraph build_self_attention(const Config& config, const Weights& weights) {
  ModelGraph model = new_module(config, "hidden_size");
  Graph& graph = model.graph;
  const Bias bias = config.flag_or("bias", true) ? Bias::kYes : Bias::kNo;
  const Value x = graph.input(kFeatureInput, model.tokens, model.hidden_size);
  const AttentionValues seen =
      self_attention(graph, weights, x, {.heads = model.heads}, kBertProjections, bias);
  finish(
      model, x, seen,
      dense(graph, weights.sub("fc"), seen.output, model.hidden_size, Activation::kNone, {}, bias));
  return model;
}

ModelGraph build_torch_attention(const Config& config, const Weights& weights) {
  ModelGraph model = new_module(config, "embed_dim");
  // Other widths of keys and values than the queries' cannot be self-attention.
  for (const char* key : {"kdim", "vdim"}) config.require(key, model.hidden_size);
  config.require("add_bias_kv", false);
  config.require("add_zero_attn", false);
  Graph& graph = model.graph;
  const Bias bias = config.flag_or("bias", true) ? Bias::kYes : Bias::kNo;
  const Value x = graph.input(kFeatureInput, model.tokens, model.hidden_size);
  const AttentionValues seen = torch_self_attention(graph, weights, x, model.heads, bias);
  finish(model, x, seen,
         dense(graph, weights.sub("out_proj"), seen.output, model.hidden_size, Activation::kNone,
               {}, bias));
  return model;
}

}  // namespace weft
