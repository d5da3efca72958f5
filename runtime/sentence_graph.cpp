#include "runtime/sentence_graph.h"

#include <fmt/format.h>

namespace weft {

std::int64_t append_sentence_modules(ModelGraph& model,
                                     const std::vector<SentenceModule>& modules) {
  Graph& graph = model.graph;
  Value x = model.last_hidden_state;
  for (std::size_t i = 0; i < modules.size(); ++i) {
    const SentenceModule& module = modules[i];
    switch (module.kind) {
      case SentenceModule::Kind::kPooling: {
        const Value skip = graph.input_ids(kPoolSkipInput, graph.sequence_rows(model.tokens));
        std::vector<Value> pooled;
        for (Pooling mode : module.pooling.modes) pooled.push_back(graph.pool(x, mode, skip));
        x = pooled.size() == 1 ? pooled[0] : graph.concat(pooled);
        break;
      }
      case SentenceModule::Kind::kDense: {
        LinearOptions options;
        options.bias = module.dense.bias;
        options.activation = module.dense.activation;
        x = graph.linear(x, module.dense.weight, options);
        break;
      }
      case SentenceModule::Kind::kNormalize:
        if (i + 1 == modules.size()) graph.output(kUnnormalizedOutput, x);
        x = graph.normalize(x);
        break;
    }
  }
  graph.output(kSentenceOutput, x);
  return graph.cols(x);
}

std::int64_t append_token_modules(ModelGraph& model, const std::vector<SentenceModule>& modules) {
  Graph& graph = model.graph;
  Value x = model.last_hidden_state;
  for (const SentenceModule& module : modules) {
    if (module.kind == SentenceModule::Kind::kNormalize) {
      x = graph.normalize(x);
      continue;
    }
    LinearOptions options;
    options.bias = module.dense.bias;
    options.activation = module.dense.activation;
    if (module.dense.adds_input) {
      options.residual = module.dense.residual ? graph.linear(x, module.dense.residual) : x;
    }
    x = graph.linear(x, module.dense.weight, options);
  }
  graph.output(kTokenOutput, x);
  return graph.cols(x);
}

std::string describe(const std::vector<SentenceModule>& modules) {
  std::string text;
  const auto append = [&text](const std::string& part) {
    if (!text.empty()) text += ", ";
    text += part;
  };
  for (const SentenceModule& module : modules) {
    switch (module.kind) {
      case SentenceModule::Kind::kPooling:
        for (Pooling mode : module.pooling.modes) append(to_string(mode));
        break;
      case SentenceModule::Kind::kDense:
        append(fmt::format("dense {} -> {} {}{}", module.dense.weight.cols(),
                           module.dense.weight.rows(), to_string(module.dense.activation),
                           module.dense.adds_input ? " + input" : ""));
        break;
      case SentenceModule::Kind::kNormalize: append("normalize"); break;
    }
  }
  return text;
}

}  // namespace weft
